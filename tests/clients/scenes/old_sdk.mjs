// The main flow of the older client SDK beside the newest one. It reaches a server without TLS by `RTMServers` (P-17).

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { scene, step } from '../lib/scene.mjs';
import { OLD_SDK } from '../lib/sdk.mjs';

await scene(async (connection) => {
  const tom = await step('the old SDK logs in', () => connect(connection, 'tom', { sdk: OLD_SDK }));
  const jerry = await connect(connection, 'jerry');

  const group = await step('it creates a conversation', () => tom.createGroup(['jerry'], { name: 'old and new' }));
  const groupOfJerry = await step('the new SDK gets the event', async () => {
    const { conversationId } = await jerry.inbox.next('invited');
    assert.equal(conversationId, group.id);
    return jerry.conversation(conversationId);
  });
  await step('it sends, and the new SDK receives', async () => {
    await tom.send(group, 'from the old');
    await jerry.nextMessage('from the old');
  });
  await step('it receives what the new SDK sends', async () => {
    await jerry.send(groupOfJerry, 'from the new');
    await tom.nextMessage('from the new');
  });
  await step('it finds its conversations', async () => {
    const found = await tom.client.getQuery().containsMembers(['jerry']).find();
    assert.deepEqual(found.map(({ id }) => id), [group.id]);
  });
  await step('it adds and removes members, and gets the events', async () => {
    await group.add(['spike']);
    assert.deepEqual((await tom.inbox.next('membersjoined', ({ members }) => members.includes('spike'))).by, 'tom');
    await group.remove(['spike']);
    assert.deepEqual((await jerry.inbox.next('membersleft')).members, ['spike']);
  });
  await step('it reads the history', async () => {
    assert.deepEqual(await historyTexts(group), ['from the old', 'from the new']);
  });
  await step('it leaves, pings and logs out', async () => {
    await group.quit();
    assert.deepEqual(await tom.client.ping(['jerry', 'spike']), ['jerry']);
    await tom.logout();
    assert.deepEqual(await jerry.client.ping(['tom']), []);
  });
});
