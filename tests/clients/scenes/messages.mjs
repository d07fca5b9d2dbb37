// Text and binary messages both ways, acknowledgements in order, copies to other devices, history.

import assert from 'node:assert/strict';

import { connect, historyTexts, textOf, wholeHistory } from '../lib/device.mjs';
import { scene, step } from '../lib/scene.mjs';

const MESSAGES = 100;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const jerrysTablet = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'messages' });
  const groupOfJerry = await jerry.conversation(group.id);

  await step('a text arrives', async () => {
    const sent = await tom.send(group, 'hello');
    const { message } = await jerry.nextMessage('hello');
    assert.equal(message.id, sent.id);
    assert.equal(message.from, 'tom');
    assert.equal(message.cid, group.id);
    assert.equal(message.timestamp.getTime(), sent.timestamp.getTime());
  });
  await step('and on the other device', () => jerrysTablet.nextMessage('hello'));
  await step('an answer arrives at the sender, and at the other device of its author', async () => {
    await jerry.send(groupOfJerry, 'hello yourself');
    await tom.nextMessage('hello yourself');
    await jerrysTablet.nextMessage('hello yourself');
    assert.equal(jerry.inbox.unread('message').length, 0, 'the author got a copy of the own message');
  });
  await step('binary messages arrive as they are, both ways', async () => {
    const bytes = [0, 1, 2, 127, 128, 255];
    await tom.sendBinary(group, bytes);
    assert.deepEqual((await jerry.nextMessage()).text, bytes);
    await jerry.sendBinary(groupOfJerry, [...bytes].reverse());
    assert.deepEqual((await tom.nextMessage()).text, [...bytes].reverse());
  });
  await step('mentions arrive', async () => {
    const message = new tom.sdk.TextMessage('look here');
    message.setMentionList(['jerry']);
    await group.send(message);
    const { message: arrived } = await jerry.nextMessage('look here');
    assert.deepEqual(arrived.getMentionList(), ['jerry']);
    assert.equal(arrived.mentioned, true);
  });
  await step('a transient message arrives and is not kept', async () => {
    await tom.send(group, 'just now', { transient: true });
    await jerry.nextMessage('just now');
    assert.ok(!(await historyTexts(groupOfJerry)).includes('just now'));
  });

  const texts = Array.from({ length: MESSAGES }, (_, number) => `number ${number}`);
  await step(`${MESSAGES} messages are acknowledged in the order sent`, async () => {
    const acknowledged = [];
    await Promise.all(texts.map((text) => tom.send(group, text).then((message) => acknowledged.push(message))));
    assert.deepEqual(acknowledged.map(textOf), texts);
    assert.equal(new Set(acknowledged.map((message) => message.id)).size, MESSAGES);
  });
  await step('and arrive in that order', async () => {
    for (const text of texts) assert.equal((await jerry.inbox.next('message')).text, text);
  });
  await step('the history holds them, page by page', async () => {
    for (const pageSize of [7, 100]) {
      const history = await wholeHistory(groupOfJerry, pageSize);
      assert.deepEqual(history.map(textOf).filter((text) => `${text}`.startsWith('number ')), texts);
      assert.equal(new Set(history.map((message) => message.id)).size, history.length);
    }
  });
  await step('the history can be read forwards from a point', async () => {
    const [, , third] = (await wholeHistory(groupOfJerry)).filter((message) => `${textOf(message)}`.startsWith('number '));
    const page = await groupOfJerry.queryMessages({
      startTime: third.timestamp,
      startMessageId: third.id,
      direction: jerry.sdk.MessageQueryDirection.OLD_TO_NEW,
      limit: 5,
    });
    assert.deepEqual(page.map(textOf), texts.slice(3, 8));
  });
  await step('the conversation knows its last message', async () => {
    const [found] = await jerry.client.getQuery().equalTo('objectId', group.id).withLastMessagesRefreshed(true).find();
    assert.equal(textOf(found.lastMessage), texts.at(-1));
    assert.ok(found.lastMessageAt instanceof Date);
  });
});
