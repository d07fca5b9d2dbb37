// Changing attributes, muting and unmuting, and what the other members see of it.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });
  const spike = await connect(connection, 'spike', { sdk });
  const group = await tom.createGroup(['jerry'], { name: 'house' });
  await jerry.inbox.next('invited');
  const groupOfJerry = await jerry.conversation(group.id);
  // The SDK asks for the conversation at each event of the invitation, and an answer that it looks at late would undo a change.
  await jerry.client.ping(['tom']);
  const infos = [];
  groupOfJerry.on('infoupdated', (event) => infos.push(event));

  await step('save() changes name and attributes, and the other members are informed', async () => {
    group.name = 'new house';
    group.set('colour', 'red');
    group.set('attr.topic', 'cheese');
    await group.save();
    const event = await jerry.inbox.next('conversationinfoupdated');
    assert.equal(event.by, 'tom');
    assert.equal(groupOfJerry.name, 'new house');
    assert.equal(groupOfJerry.get('colour'), 'red');
    assert.equal(groupOfJerry.get('attr').topic, 'cheese');
    assert.equal(infos.length, 1);
  });
  await step('a client that comes later finds the new attributes', async () => {
    const found = await spike.conversation(group.id);
    assert.deepEqual([found.name, found.get('colour'), found.get('attr').topic], ['new house', 'red', 'cheese']);
    assert.ok(found.updatedAt >= found.createdAt);
  });
  await step('operations of other SDKs work on the value that is there', async () => {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'tom');
    const change = {
      visits: { __op: 'Increment', amount: 2 },
      tags: { __op: 'AddUnique', objects: ['a', 'b', 'a'] },
      colour: { __op: 'Delete' },
    };
    const command = { cmd: 1, op: 45, convMessage: { cid: group.id, attr: { data: JSON.stringify(change) } } };
    const reply = await socket.request(command);
    const { attrModified, udate } = reply.convMessage;
    assert.deepEqual(JSON.parse(attrModified.data), { colour: null, tags: ['a', 'b'], visits: 2 });
    assert.match(udate, /Z$/);
    socket.close();
    await jerry.inbox.next('conversationinfoupdated');
    const fetched = await groupOfJerry.fetch();
    assert.deepEqual([fetched.get('visits'), fetched.get('tags')], [2, ['a', 'b']]);
  });
  await step('mute and unmute are for the client that asks', async () => {
    await group.mute();
    assert.equal((await group.fetch()).muted, true);
    assert.equal((await groupOfJerry.fetch()).muted, false);
    const muted = await jerry.client.getQuery().containsAll('mu', ['tom']).find();
    assert.deepEqual(muted.map(({ id }) => id), [group.id]);
    await group.unmute();
    assert.equal((await group.fetch()).muted, false);
  });
  await step('who is not a member changes nothing', async () => {
    const found = await spike.conversation(group.id);
    found.name = 'mine';
    for (const refused of [found.save(), found.mute(), found.unmute()]) {
      assert.equal((await rejection(refused)).code, 4309);
    }
    assert.equal((await groupOfJerry.fetch()).name, 'new house');
  });
});
