// Editing and recalling messages, live, in the history, and after a reconnect.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

/** Numbers of the protocol. */
const PATCH = 18;
const MODIFY = 150;

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const tomsPhone = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });
  const group = await tom.createGroup(['jerry']);
  await jerry.inbox.next('invited');
  const { TextMessage } = tom.sdk;

  await step('edits and recalls are off until the app switches them on', async () => {
    const sent = await tom.send(group, 'first');
    assert.equal((await rejection(group.update(sent, new TextMessage('second')))).code, 4406);
    assert.equal((await rejection(group.recall(sent))).code, 4407);
    await jerry.nextMessage('first');
    await tomsPhone.nextMessage('first');
  });
  await ask('switch on');

  const sent = await tom.send(group, 'Holy cow');
  await jerry.nextMessage('Holy cow');
  const edited = await step('an edit reaches the other sessions', async () => {
    const edited = await group.update(sent, new TextMessage('Oh dear'));
    for (const device of [jerry, tomsPhone]) {
      const { message } = await device.inbox.next('messageupdate');
      assert.deepEqual([message.id, message.text, message.from], [sent.id, 'Oh dear', 'tom']);
      assert.equal(Number(message.timestamp), Number(sent.timestamp));
      assert.ok(message.updatedAt > message.timestamp);
    }
    return edited;
  });
  await step('the history and the last message have the new content', async () => {
    const [newest] = await (await jerry.conversation(group.id)).queryMessages({ limit: 1 });
    assert.deepEqual([newest.id, newest.text], [sent.id, 'Oh dear']);
    const [found] = await jerry.client.getQuery().equalTo('objectId', group.id).withLastMessagesRefreshed().find();
    assert.equal(found.lastMessage.text, 'Oh dear');
  });
  await step('a recall leaves a recalled message', async () => {
    await group.recall(edited);
    const { message } = await jerry.inbox.next('messagerecall');
    assert.equal(message.id, sent.id);
    assert.ok(message instanceof jerry.sdk.RecalledMessage);
    const [newest] = await (await jerry.conversation(group.id)).queryMessages({ limit: 1 });
    assert.ok(newest instanceof jerry.sdk.RecalledMessage);
    assert.equal((await rejection(group.update(edited, new TextMessage('again')))).code, 4404);
  });
  await step('only the author changes a message, also where the client does not look itself', async () => {
    const message = await tom.send(group, 'mine');
    await jerry.nextMessage('mine');
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'jerry');
    const item = { cid: group.id, mid: message.id, timestamp: Number(message.timestamp) };
    for (const change of [{ recall: true }, { recall: false, data: 'not yours' }]) {
      const reply = await socket.request({ cmd: PATCH, op: MODIFY, patchMessage: { patches: [{ ...item, ...change }] } });
      assert.equal(reply.errorMessage.code, 4403);
    }
    socket.close();
  });
  await step('binary messages can be edited', async () => {
    const binary = await tom.sendBinary(group, [0, 255]);
    await jerry.inbox.next('message', ({ text }) => Array.isArray(text));
    await group.update(binary, new tom.sdk.BinaryMessage(Uint8Array.from([1, 2, 3]).buffer));
    await jerry.inbox.next('messageupdate');
    // The event's own content is not looked at: the SDK hands its wire buffer out there.
    assert.deepEqual(await historyTexts(await jerry.conversation(group.id), 1), [[1, 2, 3]]);
  });
  await step('who was away gets the changes when it is back', async () => {
    const link = await openLink(connection.url);
    const spike = await connect(connection, 'spike', { sdk, url: link.url });
    await group.add(['spike']);
    await spike.inbox.next('invited');
    const early = await tom.send(group, 'early');
    const late = await tom.send(group, 'late');
    await spike.nextMessage('late');
    const lost = spike.inbox.next('disconnect');
    link.cut();
    await lost;
    await group.recall(early);
    await group.update(late, new TextMessage('later'));
    link.restore();
    await spike.inbox.next('reconnect', undefined, 20_000);
    assert.equal((await spike.inbox.next('messagerecall')).message.id, early.id);
    assert.equal((await spike.inbox.next('messageupdate')).text, 'later');
  });
});
