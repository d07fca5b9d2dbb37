// Members are blocked, with signatures of the app's server, and let in again.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { Device } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';
import { OLD_SDK } from '../lib/sdk.mjs';

/** Numbers of the protocol. */
const BLACKLIST = 20;
const QUERY = 7;
const BLOCK = 170;
const CHECK_BLOCK = 176;

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const signed = (...parts) => {
    const [timestamp, nonce] = [Date.now(), 'n0nce'];
    const fill = (part) => (part === 't' ? timestamp : part === 'n' ? nonce : part);
    const text = [connection.app_id, ...parts].map(fill).join(':');
    return { signature: createHmac('sha1', connection.master_key).update(text).digest('hex'), timestamp, nonce };
  };
  const blacklistSignatureFactory = (first, second, members, action) => {
    // 4.3.1 gives the client before the conversation.
    const [conversationId, clientId] = sdk === OLD_SDK ? [second, first] : [first, second];
    return signed(clientId, conversationId, members.join(':'), 't', 'n', action);
  };
  const logIn = async (clientId, options = {}) => {
    const device = new Device(connection, { sdk });
    await device.login(clientId, undefined, options);
    return device;
  };
  const tom = await logIn('tom', { blacklistSignatureFactory });
  const jerry = await logIn('jerry');
  const spike = await logIn('spike');
  const group = await tom.createGroup(['jerry', 'spike']);
  await jerry.inbox.next('invited');
  const ofJerry = await jerry.conversation(group.id);
  const ofSpike = await spike.conversation(group.id);

  await step('blacklists are off until the app switches them on', async () => {
    assert.equal((await rejection(group.blockMembers(['jerry']))).code, 4544);
    assert.equal((await rejection(group.queryBlockedMembers())).code, 4544);
  });
  await ask('switch on');

  await step('a blocked member leaves, and everybody learns why', async () => {
    const { successfulClientIds, failures } = await group.blockMembers(['stranger', 'jerry']);
    assert.deepEqual([successfulClientIds.sort(), failures], [['jerry', 'stranger'], []]);
    assert.equal((await jerry.inbox.next('blocked')).by, 'tom');
    assert.equal((await jerry.inbox.next('kicked')).by, 'tom');
    for (const device of [tom, spike]) {
      assert.deepEqual((await device.inbox.next('membersblocked')).members, ['jerry', 'stranger']);
      assert.deepEqual((await device.inbox.next('membersleft')).members, ['jerry']);
    }
    assert.deepEqual(group.members.sort(), ['spike', 'tom']);
  });
  await step('it cannot come back, nor send', async () => {
    assert.equal((await rejection(ofJerry.join())).code, 4548);
    const { failures } = await group.add(['jerry', 'butch']);
    assert.deepEqual(
      failures.map(({ code, clientIds }) => [code, clientIds]),
      [[4548, ['jerry']]],
    );
    assert.equal((await rejection(jerry.send(ofJerry, 'hi'))).code, 4401);
  });
  await step('the list is read in parts', async () => {
    const first = await ofSpike.queryBlockedMembers({ limit: 1 });
    assert.deepEqual(first.results, ['jerry']);
    const { results, next } = await ofSpike.queryBlockedMembers({ limit: 1, next: first.next });
    assert.deepEqual([results, next ?? null], [['stranger'], null]);
  });
  await step('without a signature nobody is blocked', async () => {
    assert.equal((await rejection(ofSpike.blockMembers(['tom']))).code, 4546);
    assert.equal((await rejection(ofSpike.unblockMembers(['jerry']))).code, 4546);
  });
  await step('who is unblocked may come back, and is not added', async () => {
    await group.unblockMembers(['jerry']);
    assert.equal((await jerry.inbox.next('unblocked')).by, 'tom');
    assert.deepEqual((await spike.inbox.next('membersunblocked')).members, ['jerry']);
    assert.ok(!(await (await tom.conversation(group.id)).fetch()).members.includes('jerry'));
    await ofJerry.join();
    await jerry.send(ofJerry, 'back');
    await tom.nextMessage('back');
  });
  await step('other SDKs ask about single clients, and refuse conversations', async () => {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'cuckoo');
    const request = async (op, fields, parts) => {
      const { signature: s, timestamp: t, nonce: n } = parts ? signed('cuckoo', ...parts) : {};
      const reply = await socket.request({ cmd: BLACKLIST, op, blacklistMessage: { ...fields, s, t, n } });
      assert.equal(reply.errorMessage, null);
      return reply.blacklistMessage;
    };
    const own = { srcPid: 'cuckoo', toCids: [group.id] };
    const refused = await request(BLOCK, own, [group.id, '', 't', 'n', 'client-block-conversations']);
    assert.deepEqual(refused.allowedPids, [group.id]);
    assert.deepEqual((await request(QUERY, { srcPid: 'cuckoo' })).blockedCids, [group.id]);
    assert.deepEqual((await request(CHECK_BLOCK, own)).blockedCids, [group.id]);
    const { failures } = await group.add(['cuckoo']);
    assert.deepEqual(failures[0].clientIds, ['cuckoo']);
    assert.equal(failures[0].code, 4548);
    socket.close();
    const ofSpikes = await openRawSocket(connection.url);
    await ofSpikes.login(connection.app_id, 'spike');
    const blacklistMessage = { srcCid: group.id, toPids: ['tom', 'stranger'] };
    const checked = await ofSpikes.request({ cmd: BLACKLIST, op: CHECK_BLOCK, blacklistMessage });
    assert.deepEqual(checked.blacklistMessage.blockedPids, ['stranger']);
    ofSpikes.close();
  });
});
