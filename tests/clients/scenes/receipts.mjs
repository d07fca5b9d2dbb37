// Unread counts, read marks and receipts.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

/** Waits until a device knows of so many unread messages in a conversation, with this newest one. */
async function unread(device, conversation, count, mentioned, text) {
  const is = ({ id, unreadMessagesCount }) => id === conversation.id && unreadMessagesCount === count;
  const { payload } = await device.inbox.next('unreadmessagescountupdate', ({ payload }) => payload.some(is));
  const told = payload.find(is);
  assert.deepEqual([told.unreadMessagesMentioned, told.lastMessage.text], [mentioned, text]);
}

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const pair = await tom.createGroup(['jerry']);

  const jerry = await step('a client that was away is told how much it has not read', async () => {
    await tom.send(pair, 'one');
    const message = new tom.sdk.TextMessage('two, @jerry').setMentionList(['jerry']);
    await pair.send(message);
    await pair.send(new tom.sdk.TextMessage('secret'), { transient: true });
    const jerry = await connect(connection, 'jerry', { sdk });
    await unread(jerry, pair, 2, true, 'two, @jerry');
    return jerry;
  });
  const phone = await step('each device of it is told, and counts on by itself', async () => {
    const phone = await connect(connection, 'jerry', { sdk });
    await unread(phone, pair, 2, true, 'two, @jerry');
    await tom.send(pair, 'three');
    await phone.nextMessage('three');
    assert.equal((await phone.conversation(pair.id)).unreadMessagesCount, 3);
    return phone;
  });
  await step('what one device reads is read on the other', async () => {
    await jerry.nextMessage('three');
    await (await jerry.conversation(pair.id)).read();
    await unread(phone, pair, 0, false, 'three');
    const fresh = await connect(connection, 'jerry', { sdk });
    assert.equal((await fresh.conversation(pair.id)).unreadMessagesCount, 0);
    await fresh.logout();
  });
  await step('the author learns that a message was delivered', async () => {
    const delivered = nextEvent(pair, 'lastdeliveredatupdate');
    const sent = await tom.send(pair, 'with receipt', { receipt: true });
    await delivered;
    assert.ok(pair.lastDeliveredAt >= sent.timestamp);
    assert.equal(sent.status, tom.sdk.MessageStatus.DELIVERED);
    const [newest] = await pair.queryMessages({ limit: 1 });
    assert.equal(newest.status, tom.sdk.MessageStatus.DELIVERED);
    assert.ok(newest.deliveredAt >= sent.timestamp);
  });
  await step('and that it was read', async () => {
    const ofJerry = await jerry.conversation(pair.id);
    await jerry.nextMessage('with receipt');
    const read = nextEvent(pair, 'lastreadatupdate');
    await ofJerry.read();
    await read;
    assert.ok(pair.lastReadAt >= pair.lastMessage.timestamp);
  });
  await step('a device that comes later asks for the marks', async () => {
    const later = await connect(connection, 'tom', { sdk });
    const seen = await later.conversation(pair.id);
    await seen.fetchReceiptTimestamps();
    assert.equal(Number(seen.lastReadAt), Number(pair.lastReadAt));
    assert.ok(seen.lastDeliveredAt >= seen.lastReadAt);
    await later.logout();
  });
  await step('in a group nobody is told, but the marks are kept', async () => {
    const group = await tom.createGroup(['jerry', 'spike']);
    const told = [];
    for (const event of ['lastdeliveredatupdate', 'lastreadatupdate']) group.on(event, () => told.push(event));
    const sent = await tom.send(group, 'to all', { receipt: true });
    await jerry.nextMessage('to all');
    await (await jerry.conversation(group.id)).read();
    await unread(phone, group, 0, false, 'to all');
    assert.deepEqual(told, []);
    // What the SDK's plugin for receipts in groups asks for.
    const [ofJerry, ...others] = await group._fetchAllReceiptTimestamps();
    assert.deepEqual([ofJerry.pid, others], ['jerry', []]);
    assert.ok(ofJerry.lastReadAt >= sent.timestamp);
  });
  await step('a lost connection learns what came meanwhile', async () => {
    const link = await openLink(connection.url);
    const away = await connect(connection, 'butch', { sdk, url: link.url });
    const known = await tom.createGroup(['butch']);
    await away.inbox.next('invited');
    await tom.send(known, 'before');
    await away.nextMessage('before');
    const lost = away.inbox.next('disconnect');
    link.cut();
    await lost;
    away.inbox.take('unreadmessagescountupdate');
    await tom.send(known, 'meanwhile');
    link.restore();
    await away.inbox.next('reconnect', undefined, 20_000);
    await unread(away, known, 2, false, 'meanwhile');
  });
});

function nextEvent(emitter, event) {
  return new Promise((resolve) => emitter.once(event, resolve));
}
