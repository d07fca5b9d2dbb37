// The examples with rules for conversations and their members.
//
// Arguments: the rules that the hooks have.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { callFunction } from '../lib/engine.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

const RULES = {
  'minimum-members': async (_, { tom }) => {
    await step('two are too few', async () => {
      await isRefused(tom.createGroup(['jerry']), 1234, 'a group needs at least 3 members');
    });
    await step('three are enough', async () => {
      assert.equal(await (await tom.createGroup(['jerry', 'spike'])).count(), 3);
    });
  },
  'closed-conversations': async (connection, { tom, guest }) => {
    const group = await tom.createGroup(['jerry', 'guest-ann']);
    const ofGuest = await guest.conversation(group.id);
    const tellApp = async (name) => {
      const params = JSON.stringify({ convId: group.id });
      const headers = { 'Content-Type': 'application/json', 'X-LC-Id': connection.app_id };
      assert.equal((await callFunction(connection, name, { body: params })).status, 401, 'a client may not');
      headers['X-LC-Key'] = `${connection.master_key},master`;
      assert.equal((await callFunction(connection, name, { headers, body: params })).status, 200);
    };
    await step('members add others, guests do not', async () => {
      await isRefused(ofGuest.add(['spike']), 9890, 'guests cannot add members');
      await group.add(['spike']);
    });
    await step('a guest may join by itself', async () => {
      await ofGuest.quit();
      await ofGuest.join();
    });
    await step('a closed conversation takes no new members', async () => {
      await tellApp('closeConversation');
      await isRefused(group.add(['butch']), 9890, 'this conversation is closed');
      await ofGuest.quit();
      await isRefused(ofGuest.join(), 9890, 'this conversation is closed');
    });
    await step('until it is open again', async () => {
      await tellApp('openConversation');
      await group.add(['butch']);
      assert.equal(await group.count(), 4);
    });
  },
  'protected-staff': async (connection, { tom }) => {
    const group = await tom.createGroup(['jerry', 'spike', 'staff-ann']);
    await step('staff cannot be removed, not even among others', async () => {
      await isRefused(group.remove(['spike', 'staff-ann']), 1928, 'staff-ann cannot be removed');
      assert.equal(await group.count(), 4);
    });
    await step('others can', async () => {
      assert.deepEqual((await group.remove(['spike'])).successfulClientIds, ['spike']);
    });
    await step('staff can leave', async () => {
      const ann = await connect(connection, 'staff-ann');
      await (await ann.conversation(group.id)).quit();
      assert.equal(await group.count(), 2);
    });
  },
  'read-only-name': async (_, { tom }) => {
    const group = await tom.createGroup(['jerry', 'spike'], { name: 'Planning' });
    const stored = async () => {
      const [found] = await tom.client.getQuery().equalTo('objectId', group.id).find();
      return [found.name, found.get('colour'), found.muted];
    };
    await step('the name cannot be changed', async () => {
      group.name = 'Other';
      await isRefused(group.save(), 1949, 'the name of a conversation cannot be changed');
      assert.deepEqual(await stored(), ['Planning', undefined, false]);
    });
    await step('other attributes can, and mutes pass', async () => {
      const ofTom = await tom.conversation(group.id);
      await ofTom.fetch();
      ofTom.set('colour', 'red');
      await ofTom.save();
      await ofTom.mute();
      assert.deepEqual(await stored(), ['Planning', 'red', true]);
    });
  },
};

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const guest = await connect(connection, 'guest-ann');
  const rules = process.argv.slice(2);
  assert.ok(rules.length > 0, 'the rules to try are arguments');
  for (const rule of rules) await RULES[rule](connection, { tom, guest });
});

async function isRefused(request, appCode, detail) {
  const error = await rejection(request);
  assert.deepEqual([error.code, error.appCode, error.detail], [4305, appCode, detail]);
}
