// Chat rooms: making, finding, joining, leaving, counting, messages, and coming back after a lost connection.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const link = await openLink(connection.url);
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk, url: link.url });
  const spike = await connect(connection, 'spike', { sdk });

  const room = await step('tom makes a room, and is in it', async () => {
    const made = await tom.client.createChatRoom({ name: 'lobby', colour: 'blue' });
    assert.ok(made instanceof tom.sdk.ChatRoom);
    assert.match(made.id, /^[0-9a-f]{24}$/);
    assert.equal(await made.count(), 1);
    return made;
  });
  const [ofJerry, ofSpike] = await step('it is found by its id and by a query for rooms, without members', async () => {
    const found = await jerry.conversation(room.id);
    assert.ok(found instanceof jerry.sdk.ChatRoom);
    assert.deepEqual([found.name, found.creator, found.members], ['lobby', 'tom', []]);
    const rooms = await spike.client.getChatRoomQuery().equalTo('colour', 'blue').find();
    assert.deepEqual(rooms.map(({ id }) => id), [room.id]);
    assert.deepEqual(await tom.client.getQuery().find(), [], 'a query for own conversations finds no room');
    assert.deepEqual(await tom.client.getServiceConversationQuery().find(), []);
    return [found, rooms[0]];
  });
  await step('jerry joins, and joins again', async () => {
    await ofJerry.join();
    await ofJerry.join();
    assert.equal(await ofJerry.count(), 2);
  });
  await step('messages reach who is there, and may come from anybody', async () => {
    await tom.send(room, 'hello', { priority: tom.sdk.MessagePriority.HIGH });
    await spike.send(ofSpike, 'from outside');
    await jerry.nextMessage('hello');
    await jerry.nextMessage('from outside');
    await tom.nextMessage('from outside');
    await tom.sendBinary(room, [0, 255]);
    assert.deepEqual((await jerry.inbox.next('message')).text, [0, 255]);
    await tom.send(room, 'typing', { transient: true });
    await jerry.nextMessage('typing');
  });
  await step('anybody reads the history, and the last message', async () => {
    assert.deepEqual(await historyTexts(ofSpike), ['hello', 'from outside', [0, 255]]);
    const query = spike.client.getChatRoomQuery().equalTo('objectId', room.id).withLastMessagesRefreshed();
    const [found] = await query.find();
    assert.equal(found.lastMessage.from, 'tom');
    assert.ok(found.lastMessageAt instanceof Date);
    assert.equal(found.unreadMessagesCount, 0);
  });
  await step('nobody adds or removes others', async () => {
    assert.equal((await rejection(room.add(['spike']))).code, 4314);
    assert.equal((await rejection(room.remove(['jerry']))).code, 4314);
    assert.equal(await room.count(), 2);
  });
  await step('who is there changes the attributes, and mutes without effect', async () => {
    room.name = 'lounge';
    await room.save();
    await jerry.inbox.next('conversationinfoupdated');
    assert.equal((await ofJerry.fetch()).name, 'lounge');
    ofSpike.name = 'mine';
    assert.equal((await rejection(ofSpike.save())).code, 4309);
    await ofJerry.mute();
    await tom.send(room, 'still heard');
    await jerry.nextMessage('still heard');
    await ofJerry.unmute();
  });
  await step('reading and receipts are no errors', async () => {
    await ofJerry.read();
    await ofJerry.fetchReceiptTimestamps();
  });
  await step('who lost its connection is there again by itself', async () => {
    const lost = jerry.inbox.next('disconnect');
    link.cut();
    await lost;
    link.restore();
    await jerry.inbox.next('reconnect', undefined, 20_000);
    assert.equal(await room.count(), 2);
    await tom.send(room, 'welcome back');
    await jerry.nextMessage('welcome back');
  });
  await step('who joins another room is not in the first any more', async () => {
    const other = await spike.client.createChatRoom({ name: 'other' });
    await (await jerry.conversation(other.id)).join();
    assert.deepEqual([await room.count(), await other.count()], [1, 2]);
    await tom.send(room, 'not for jerry');
    await spike.send(other, 'for jerry');
    assert.equal((await jerry.inbox.next('message')).text, 'for jerry');
    await ofJerry.join();
    assert.deepEqual([await room.count(), await other.count()], [2, 1]);
  });
  await step('who leaves gets nothing more', async () => {
    await ofJerry.quit();
    await ofJerry.quit();
    assert.equal(await room.count(), 1);
    await tom.send(room, 'gone');
    const both = await tom.createGroup(['jerry']);
    await tom.send(both, 'after it');
    assert.equal((await jerry.inbox.next('message')).text, 'after it');
  });
  await step('nobody was told who came and went', async () => {
    for (const device of [tom, jerry, spike]) {
      for (const kind of ['membersjoined', 'membersleft', 'kicked']) {
        const ofRoom = device.inbox.unread(kind).filter(({ conversationId }) => conversationId === room.id);
        assert.deepEqual(ofRoom, []);
      }
    }
  });
});
