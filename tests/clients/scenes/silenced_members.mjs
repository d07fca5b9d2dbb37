// Members are silenced and let speak again: what each of them sees, live and after a reconnect.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

/** Numbers of the protocol. */
const CONV = 1;
const CHECK_SHUTUP = 190;
const CHECK_RESULT = 177;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const link = await openLink(connection.url);
  const jerry = await connect(connection, 'jerry', { url: link.url });
  const jerrysPhone = await connect(connection, 'jerry');
  const spike = await connect(connection, 'spike');
  const group = await tom.createGroup(['jerry', 'spike']);
  await jerry.inbox.next('invited');
  const ofJerry = await jerry.conversation(group.id);
  const ofSpike = await spike.conversation(group.id);

  await step('a silenced member learns of it at all its sessions, and so do all members', async () => {
    const { successfulClientIds, failures } = await group.muteMembers(['jerry']);
    assert.deepEqual([successfulClientIds, failures], [['jerry'], []]);
    for (const device of [jerry, jerrysPhone]) assert.equal((await device.inbox.next('muted')).by, 'tom');
    for (const device of [tom, jerry, jerrysPhone, spike]) {
      const { by, members } = await device.inbox.next('membersmuted');
      assert.deepEqual([by, members], ['tom', ['jerry']]);
    }
  });
  await step('it cannot send, and hears what others send', async () => {
    const { code, message } = await rejection(jerry.send(ofJerry, 'let me speak'));
    assert.deepEqual([code, message], [4563, 'SILIENCED']);
    assert.equal((await rejection(jerry.send(ofJerry, 'typing', { transient: true }))).code, 4563);
    await spike.send(ofSpike, 'hi');
    await jerry.nextMessage('hi');
  });
  await step('the list is read in parts, by any member', async () => {
    await group.muteMembers(['spike', 'tom']);
    const first = await ofJerry.queryMutedMembers({ limit: 2 });
    assert.deepEqual(first.results, ['jerry', 'spike']);
    const { results, next } = await ofJerry.queryMutedMembers({ limit: 2, next: first.next });
    assert.deepEqual([results, next ?? null], [['tom'], null]);
    const whole = await group.queryMutedMembers();
    assert.deepEqual([whole.results, whole.next ?? null], [['jerry', 'spike', 'tom'], null]);
    await group.unmuteMembers(['spike', 'tom']);
  });
  await step('some of a list can fail', async () => {
    const { successfulClientIds, failures } = await group.muteMembers(['jerry', 'stranger']);
    assert.deepEqual(successfulClientIds, ['jerry']);
    assert.deepEqual(
      failures.map(({ code, clientIds }) => [code, clientIds]),
      [[4317, ['stranger']]],
    );
  });
  await step('who is not a member neither silences nor asks', async () => {
    const stranger = await connect(connection, 'stranger');
    const ofStranger = await stranger.conversation(group.id);
    assert.equal((await rejection(ofStranger.muteMembers(['tom']))).code, 4317);
    assert.equal((await rejection(ofStranger.queryMutedMembers())).code, 4317);
  });
  await step('other SDKs ask about single members', async () => {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'spike');
    const convMessage = { cid: group.id, m: ['tom', 'jerry'] };
    const { op, convMessage: answer } = await socket.request({ cmd: CONV, op: CHECK_SHUTUP, convMessage });
    assert.deepEqual([op, answer.m], [CHECK_RESULT, ['jerry']]);
    socket.close();
  });
  await step('who was away learns of its voice when it is back', async () => {
    const lost = jerry.inbox.next('disconnect');
    link.cut();
    await lost;
    await ofSpike.unmuteMembers('jerry');
    assert.equal((await jerrysPhone.inbox.next('unmuted')).by, 'spike');
    link.restore();
    await jerry.inbox.next('reconnect', undefined, 20_000);
    assert.equal((await jerry.inbox.next('unmuted')).by, 'spike');
    assert.deepEqual((await tom.inbox.next('membersunmuted', ({ members }) => members[0] === 'jerry')).by, 'spike');
    await jerry.send(ofJerry, 'thank you');
    await tom.nextMessage('thank you');
  });
});
