// The server is killed while messages are on their way: what was acknowledged is in the history, once, in order, and counts as
// unread.

import assert from 'node:assert/strict';

import { connect, textOf, wholeHistory } from '../lib/device.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

const MESSAGES = 500;
const KILL_AFTER_ACKNOWLEDGED = 150;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry', 'spike'], { name: 'restart' });
  await jerry.conversation(group.id); // known beforehand, or the SDK asks for it at every message that comes meanwhile

  const acknowledged = [];
  await step(`the server is killed while ${MESSAGES} messages are sent`, async () => {
    let kill;
    for (let number = 0; number < MESSAGES; number += 1) {
      tom.send(group, `${number}`).then(
        (message) => {
          acknowledged.push({ id: message.id, number });
          if (acknowledged.length === KILL_AFTER_ACKNOWLEDGED) kill();
        },
        () => {}, // sent into the void: the SDK gives such a message up
      );
    }
    await new Promise((resolve) => { kill = resolve; });
    await ask('kill');
    await tom.inbox.next('disconnect');
  });
  const arrived = jerry.inbox.take('message').map((event) => ({ id: event.message.id, number: Number(event.text) }));
  report({ acknowledged: acknowledged.length, arrived: arrived.length, ids: acknowledged.map(({ id }) => id) });

  await step('the server starts again', () => ask('start'));
  const history = await step('a new client reads the history', async () => {
    const reader = await connect(connection, 'jerry');
    const messages = await wholeHistory(await reader.conversation(group.id));
    return messages.map((message) => ({ id: message.id, number: Number(textOf(message)) }));
  });
  report({ kept: history.length });

  const positions = new Map(history.map(({ id }, position) => [id, position]));
  await step('no message is there twice', () => {
    assert.equal(positions.size, history.length);
    assert.equal(new Set(history.map(({ number }) => number)).size, history.length);
  });
  await step('every acknowledged message is there', () => {
    for (const { id, number } of acknowledged) {
      assert.equal(history[positions.get(id)]?.number, number, `message ${number} was acknowledged and is lost`);
    }
  });
  await step('every message that arrived is there', () => {
    for (const { id, number } of arrived) {
      assert.equal(history[positions.get(id)]?.number, number, `message ${number} arrived and is lost`);
    }
  });
  await step('they are in the order sent', () => {
    history.forEach(({ number }, position) => assert.equal(number, position));
  });
  await step('a member that was away is told of as many as there are, a hundred at most', async () => {
    const spike = await connect(connection, 'spike');
    const unread = Math.min(history.length, 100);
    await spike.inbox.next('unreadmessagescountupdate', ({ payload }) =>
      payload.some(({ id, unreadMessagesCount }) => id === group.id && unreadMessagesCount === unread),
    );
    await spike.logout();
  });
  await step('both go on', async () => {
    await Promise.all([tom, jerry].map((device) => device.inbox.next('reconnect', undefined, 30_000)));
    await tom.send(group, 'after');
    await jerry.nextMessage('after');
  });
});
