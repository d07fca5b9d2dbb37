// Service conversations: the administrator makes one, clients find it, subscribe to it, mute it, and leave it.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

/** Runs `hookd service …`; answers what it prints. */
const service = (...words) => ask('service', JSON.stringify(words));

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
  });
  await step('nobody was told who came and went', async () => {
    for (const device of [tom, jerry]) {
      for (const kind of ['invited', 'membersjoined', 'membersleft', 'kicked']) {
        assert.deepEqual(device.inbox.unread(kind), []);
      }
    }
  });
});
