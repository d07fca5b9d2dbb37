// Will messages: one comes when its sender is lost, none when it logs out.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const link = await openLink(connection.url);
  const jerry = await connect(connection, 'jerry', { url: link.url });
  const spike = await connect(connection, 'spike');
  const group = await tom.createGroup(['jerry', 'spike']);
  for (const device of [jerry, spike]) await device.inbox.next('invited');

  const will = await step('wills are acknowledged and held', async () => {
    const ofJerry = await jerry.conversation(group.id);
    await jerry.send(ofJerry, 'an earlier will', { will: true });
    const last = await jerry.send(ofJerry, 'jerry is lost', { will: true });
    await spike.send(await spike.conversation(group.id), 'spike is lost', { will: true });
    await tom.client.ping(['jerry']);
    assert.deepEqual(tom.inbox.unread('message'), []);
    assert.ok(last.id);
    return last;
  });
  await step('a client that logs out leaves none, one that is lost leaves its last', async () => {
    await spike.logout();
    link.cut();
    const { message } = await tom.nextMessage('jerry is lost');
    assert.deepEqual([message.id, message.from], [will.id, 'jerry']);
    assert.equal(Number(message.timestamp), Number(will.timestamp));
  });
  await step('it is not in the history, and nobody else left one', async () => {
    await tom.send(group, 'poor jerry');
    assert.deepEqual(await historyTexts(group), ['poor jerry']);
    assert.deepEqual(tom.inbox.unread('message'), []);
  });
});
