// Service conversations: the administrator makes one, clients find it, subscribe to it, talk with it,
// mute it, and leave it.

import assert from 'node:assert/strict';

import { connect, historyTexts, textOf } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

/** Runs `hookd service …`; answers what it prints. */
const service = (...words) => ask('service', JSON.stringify(words));

/** A text message as the SDK writes it. */
const typed = (text) => JSON.stringify({ _lctype: -1, _lctext: text });

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });

  await step('nobody finds what is not there, and no client makes one', async () => {
    assert.deepEqual(await tom.client.getServiceConversationQuery().find(), []);
  });
  const id = await step('the administrator makes one', async () => {
    const made = await service('create', 'news');
    assert.match(made, /^[0-9a-f]{24}$/);
    assert.equal(await service('list'), `${made}  news`);
    assert.equal(await service('subscribers', made), '');
    return made;
  });
  const [ofTom, ofJerry] = await step('it is found by its id and by a query, without members', async () => {
    const [found] = await tom.client.getServiceConversationQuery().equalTo('name', 'news').find();
    assert.ok(found instanceof tom.sdk.ServiceConversation);
    assert.deepEqual([found.id, found.name, found.system], [id, 'news', true]);
    assert.equal(found.creator, undefined);
    assert.deepEqual([found.get('joined'), found.get('joinedAt'), found.muted], [false, undefined, false]);
    assert.deepEqual(await tom.client.getQuery().find(), [], 'a query for own conversations finds none');
    return [found, await jerry.conversation(id)];
  });
  await step('both subscribe, and again', async () => {
    await ofTom.subscribe();
    await ofTom.subscribe();
    await ofJerry.subscribe();
    await ofTom.fetch();
    assert.equal(ofTom.get('joined'), true);
    assert.ok(Math.abs(ofTom.get('joinedAt') - Date.now()) < 60_000);
    assert.equal(await ofTom.count(), 2);
    assert.equal(await service('subscribers', id), 'tom\njerry');
    assert.equal(await service('subscribers', id, '--after', 'tom'), 'jerry');
  });
  await step('what a client says to it nobody else sees', async () => {
    await tom.send(ofTom, 'hello');
    await jerry.sendBinary(ofJerry, [0, 255]);
    assert.deepEqual(await historyTexts(ofTom), ['hello']);
    assert.deepEqual(await historyTexts(ofJerry), [[0, 255]]);
  });
  await step('it speaks to some clients, subscribed or not', async () => {
    await service('send', id, '--from', 'News', '--to', 'tom', '--to', 'spike', typed('for tom'));
    const { message } = await tom.nextMessage('for tom');
    assert.deepEqual([message.from, message.cid], ['News', id]);
    assert.deepEqual(await historyTexts(ofTom), ['hello', 'for tom']);
    assert.equal(ofTom.unreadMessagesCount, 1);
  });
  await step('and to all subscribers', async () => {
    await service('send', id, '--from', 'News', '--subscribers', typed('for all'));
    await tom.nextMessage('for all');
    await jerry.nextMessage('for all');
    await service('send', id, '--from', 'News', '--subscribers', '--transient', typed('now'));
    await tom.nextMessage('now');
    await jerry.nextMessage('now');
    assert.deepEqual(await historyTexts(ofTom), ['hello', 'for tom', 'for all']);
    assert.deepEqual(await historyTexts(ofJerry), [[0, 255], 'for all']);
    const query = tom.client.getServiceConversationQuery().equalTo('objectId', id).withLastMessagesRefreshed();
    const [found] = await query.find();
    assert.equal(textOf(found.lastMessage), 'for all');
  });
  await step('what is unread is told when a client comes, and read together', async () => {
    const spike = await connect(connection, 'spike', { sdk });
    const [news] = (await spike.inbox.next('unreadmessagescountupdate')).payload;
    assert.deepEqual([news.id, news.unreadMessagesCount, news.lastMessage.text], [id, 1, 'for tom']);
    await news.read();
    assert.equal(news.unreadMessagesCount, 0);
    await service('send', id, '--from', 'News', '--to', 'spike', typed('again'));
    await spike.nextMessage('again');
    await spike.logout();
  });
  await step('a subscriber that comes back gets what is sent to all', async () => {
    const phone = await connect(connection, 'jerry', { sdk });
    await phone.inbox.next('unreadmessagescountupdate');
    await service('send', id, '--from', 'News', '--subscribers', typed('on both'));
    await phone.nextMessage('on both');
    await jerry.nextMessage('on both');
    await phone.logout();
  });
  await step('a subscriber mutes for itself', async () => {
    await ofTom.mute();
    await ofTom.fetch();
    await ofJerry.fetch();
    assert.deepEqual([ofTom.muted, ofJerry.muted], [true, false]);
    await ofTom.unmute();
    assert.equal((await ofTom.fetch()).muted, false);
  });
  await step('who unsubscribes is no subscriber any more, and mutes nothing', async () => {
    await ofJerry.unsubscribe();
    await ofJerry.unsubscribe();
    assert.equal(await ofTom.count(), 1);
    assert.equal(await service('subscribers', id), 'tom');
    assert.equal((await rejection(ofJerry.mute())).code, 4309);
    await service('send', id, '--from', 'News', '--subscribers', typed('not for jerry'));
    await tom.nextMessage('not for jerry');
    await service('send', id, '--from', 'News', '--to', 'jerry', typed('for jerry'));
    assert.equal((await jerry.inbox.next('message')).text, 'for jerry');
  });
  await step('nobody was told who came and went', async () => {
    for (const device of [tom, jerry]) {
      for (const kind of ['invited', 'membersjoined', 'membersleft', 'kicked']) {
        assert.deepEqual(device.inbox.unread(kind), []);
      }
    }
  });
});
