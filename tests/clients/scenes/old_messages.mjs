// Days go by on a running server, and it deletes by itself what is too old for the app: messages, then idle conversations.

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

import { connect, historyTexts } from '../lib/device.mjs';
import { DEADLINE_MS } from '../lib/inbox.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  await ask('settings', '--message-retention-days 1 --inactive-conversation-days 3');
  const early = await connect(connection, 'tom');
  const talk = await early.createGroup(['jerry']);
  const idle = await early.createGroup(['jerry']);
  await early.send(talk, 'see you in two days');
  await early.send(idle, 'hello?');
  await early.logout();

  await ask('days pass', '2');
  const tom = await connect(connection, 'tom');
  const texts = async (id) => historyTexts(await tom.conversation(id));
  await tom.send(await tom.conversation(talk.id), 'I am back');
  await step('messages of the day before are deleted, newer ones are kept', async () => {
    await until(async () => (await texts(talk.id)).length === 1);
    assert.deepEqual(await texts(talk.id), ['I am back']);
    await until(async () => (await texts(idle.id)).length === 0);
  });
  await tom.logout();

  await ask('days pass', '2');
  const late = await connect(connection, 'tom');
  const conversations = async () => (await late.client.getQuery().containsMembers(['jerry']).find()).map(({ id }) => id);
  await step('a conversation in which nothing happened for days is deleted, the other one stays', async () => {
    await until(async () => (await conversations()).length === 1);
    assert.deepEqual(await conversations(), [talk.id]);
  });
});

/** Asks again and again until it is so. */
async function until(isSo) {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, 'it does not come true');
    await turn();
  }
}
