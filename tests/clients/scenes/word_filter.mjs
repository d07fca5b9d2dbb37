// Words that the app does not want: what readers, hooks, the sender and the history see in their place.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { ask, scene, step } from '../lib/scene.mjs';
import { openScriptedEngine } from '../lib/scripted_engine.mjs';

const CENSORED = { code: -4408, detail: 'MESSAGE_MODIFIED_BY_CENSORSHIP' };

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const engine = await openScriptedEngine();
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });
  await connect(connection, 'spike', { sdk });
  const group = await tom.createGroup(['jerry', 'spike']);
  await jerry.inbox.next('invited');
  const atJerrys = await jerry.conversation(group.id);

  /** What the sender sees of its own message afterwards. */
  const corrected = async (text) => {
    const { reason, message } = await tom.inbox.next('messageupdate', (event) => event.text === text);
    return { reason: { code: Number(reason.code), detail: reason.detail }, message };
  };

  await step('without a list nothing is filtered', async () => {
    await tom.send(group, 'crap');
    await jerry.nextMessage('crap');
  });
  await ask('do not want', JSON.stringify(['crap', '敏感']));
  await step('readers and history have stars, and the sender learns why', async () => {
    const sent = await tom.send(group, 'Holy CRAP, 敏感词 "1" \\ \n');
    const expected = 'Holy ***, ***词 "1" \\ \n';
    const { message } = await jerry.nextMessage(expected);
    assert.ok(message instanceof jerry.sdk.TextMessage);
    const { reason, message: own } = await corrected(expected);
    assert.deepEqual([own.id, reason], [sent.id, CENSORED]);
    assert.deepEqual(await historyTexts(atJerrys, 1), [expected]);
  });
  await step('of a rich message only the text is filtered', async () => {
    const message = new tom.sdk.TextMessage('crap');
    message.setAttributes({ crap: 'crap' });
    await group.send(message);
    const { message: read } = await jerry.nextMessage('***');
    assert.deepEqual(read.getAttributes(), { crap: 'crap' });
    await corrected('***');
  });
  await step('binary messages are not filtered', async () => {
    await tom.sendBinary(group, [...Buffer.from('crap')]);
    await jerry.inbox.next('message', ({ text }) => Buffer.from(text).toString() === 'crap');
  });
  await step('edits are filtered', async () => {
    const sent = await tom.send(group, 'Holy cow');
    await jerry.nextMessage('Holy cow');
    await group.update(sent, new tom.sdk.TextMessage('Holy crap'));
    assert.equal((await jerry.inbox.next('messageupdate')).text, 'Holy ***');
    assert.deepEqual((await corrected('Holy ***')).reason, CENSORED);
  });
  await step('messages of two are filtered only where the app asks for it', async () => {
    const pair = await tom.createGroup(['jerry']);
    await jerry.inbox.next('invited');
    await tom.send(pair, 'crap between us');
    await jerry.nextMessage('crap between us');
    await ask('filter direct');
    await tom.send(pair, 'crap between us');
    await jerry.nextMessage('*** between us');
    await corrected('*** between us');
  });
  await step('in a chat room messages are filtered', async () => {
    const room = await tom.client.createChatRoom({ name: 'room' });
    const there = await jerry.client.getConversation(room.id);
    await there.join();
    await tom.send(room, 'room crap');
    await jerry.nextMessage('room ***');
    await corrected('room ***');
  });

  engine.replies.set('_messageReceived', { content: JSON.stringify({ _lctype: -1, _lctext: 'by hook' }), code: 7, detail: 'why' });
  await ask('hooks at', engine.url);
  await step('the hook sees the filtered message, and has the last word', async () => {
    await tom.send(group, 'crap');
    const { content } = await engine.next('_messageReceived');
    assert.equal(JSON.parse(content)._lctext, '***');
    await jerry.nextMessage('by hook');
    assert.deepEqual((await corrected('by hook')).reason, { code: 7, detail: 'why' });
  });
  engine.replies.set('_messageReceived', {});
  await ask('do not want', '[]');
  await step('without the list nothing is filtered again', async () => {
    await tom.send(group, 'crap again');
    await jerry.nextMessage('crap again');
  });
});
