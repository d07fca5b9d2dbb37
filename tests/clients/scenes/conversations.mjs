// Creating, finding, joining, adding, leaving, removing, and the events of the other members.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const spike = await connect(connection, 'spike');
  const here = (group) => (event) => event.conversationId === group.id;

  const group = await step('tom creates a conversation', async () => {
    const created = await tom.createGroup(['jerry'], { name: 'house', colour: 'blue' });
    assert.match(created.id, /^[0-9a-f]{24}$/);
    assert.deepEqual([...created.members].sort(), ['jerry', 'tom']);
    return created;
  });
  await step('its members are informed, the creator included', async () => {
    assert.equal((await jerry.inbox.next('invited', here(group))).by, 'tom');
    assert.deepEqual((await jerry.inbox.next('membersjoined', here(group))).members, ['jerry', 'tom']);
    await tom.inbox.next('invited', here(group));
    await tom.inbox.next('membersjoined', here(group));
  });
  await step('it is found by its id, with what it was given', async () => {
    const found = await jerry.conversation(group.id);
    assert.equal(found.name, 'house');
    assert.equal(found.get('colour'), 'blue');
    assert.equal(found.creator, 'tom');
    assert.deepEqual([...found.members].sort(), ['jerry', 'tom']);
  });
  await step('it is found by its members only', async () => {
    const ids = async (device, members) => {
      const found = await device.client.getQuery().containsMembers(members).find();
      return found.map((conversation) => conversation.id);
    };
    assert.deepEqual(await ids(jerry, ['tom', 'jerry']), [group.id]);
    assert.deepEqual(await ids(spike, ['spike']), []);
    assert.deepEqual((await jerry.client.getQuery().find()).map(({ id }) => id), [group.id]);
    assert.deepEqual(await spike.client.getQuery().find(), []);
  });
  await step('an id that does not exist is not found', async () => {
    assert.equal(await tom.conversation('000000000000000000000000'), null);
  });
  await step('a unique conversation is the same for the same members', async () => {
    const first = await tom.client.createConversation({ members: ['spike'], unique: true, name: 'ours' });
    const second = await spike.client.createConversation({ members: ['tom'], unique: true });
    assert.equal(second.id, first.id);
    const other = await tom.client.createConversation({ members: ['spike', 'jerry'], unique: true });
    assert.notEqual(other.id, first.id);
  });

  await step('jerry adds spike, and all members are informed', async () => {
    const result = await (await jerry.conversation(group.id)).add(['spike']);
    assert.deepEqual(result.successfulClientIds, ['spike']);
    assert.deepEqual(result.failures, []);
    assert.equal((await spike.inbox.next('invited', here(group))).by, 'jerry');
    for (const device of [tom, jerry, spike]) {
      const event = await device.inbox.next('membersjoined', here(group));
      assert.deepEqual([event.by, event.members], ['jerry', ['spike']]);
    }
  });
  await step('to add a member again changes nothing', async () => {
    const result = await group.add(['spike']);
    assert.deepEqual(result.successfulClientIds, ['spike']);
    assert.equal(await group.count(), 3);
  });
  await step('tom removes spike, and all members are informed', async () => {
    await group.remove(['spike']);
    assert.equal((await spike.inbox.next('kicked', here(group))).by, 'tom');
    for (const device of [tom, jerry]) {
      const event = await device.inbox.next('membersleft', here(group));
      assert.deepEqual([event.by, event.members], ['tom', ['spike']]);
    }
  });
  await step('spike joins by itself', async () => {
    await (await spike.conversation(group.id)).join();
    const event = await tom.inbox.next('membersjoined', here(group));
    assert.deepEqual([event.by, event.members], ['spike', ['spike']]);
    await tom.send(group, 'welcome back');
    await spike.nextMessage('welcome back');
  });
  await step('spike leaves, and the others are informed', async () => {
    await (await spike.conversation(group.id)).quit();
    const event = await jerry.inbox.next('membersleft', here(group));
    assert.deepEqual([event.by, event.members], ['spike', ['spike']]);
    assert.equal(await group.count(), 2);
  });
  await step('who left gets no more messages', async () => {
    const both = await tom.createGroup(['spike']);
    await tom.send(group, 'not for spike');
    await tom.send(both, 'for spike');
    assert.equal((await spike.inbox.next('message')).text, 'for spike');
  });
  await step('the members are right in the end', async () => {
    const fetched = await (await jerry.conversation(group.id)).fetch();
    assert.deepEqual([...fetched.members].sort(), ['jerry', 'tom']);
  });
});
