// The examples with lists of conversations: the newest of the app, and those that a client left by itself.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { callFunction } from '../lib/engine.mjs';
import { scene, step } from '../lib/scene.mjs';

/** Notification hooks run after the operation; they take milliseconds. */
const HOOK_DEADLINE_MS = 5_000;

await scene(async (connection) => {
  const call = async (name, params = {}) => {
    const headers = { 'Content-Type': 'application/json', 'X-LC-Id': connection.app_id, 'X-LC-Key': connection.app_key };
    const response = await callFunction(connection, name, { headers, body: JSON.stringify(params) });
    const { result, error } = await response.json();
    assert.equal(error, undefined);
    return result;
  };
  const becomes = async (name, params, expected) => {
    const deadline = Date.now() + HOOK_DEADLINE_MS;
    let found;
    do found = await call(name, params);
    while (JSON.stringify(found) !== JSON.stringify(expected) && Date.now() < deadline);
    assert.deepEqual(found, expected);
  };
  const tom = await connect(connection, 'tom');
  const spike = await connect(connection, 'spike');
  const create = () => tom.createGroup(['jerry', 'spike', 'butch']);
  const before = await call('recentConversations');

  const first = await step('a new conversation is the first of the list', async () => {
    const first = await create();
    await becomes('recentConversations', {}, [first.id, ...before]);
    return first;
  });
  const second = await step('a newer one is before it', async () => {
    const second = await create();
    await becomes('recentConversations', {}, [second.id, first.id, ...before]);
    return second;
  });
  const left = (...conversations) => becomes('leftConversations', { peerId: 'spike' }, conversations.map(({ id }) => id));
  const ofSpike = (conversation) => spike.conversation(conversation.id);
  await step('who leaves finds the conversation in a list', async () => {
    await left();
    await (await ofSpike(first)).quit();
    await left(first);
    await (await ofSpike(second)).quit();
    await left(second, first);
  });
  await step('and may come back', async () => {
    await (await ofSpike(first)).join();
    await left(second);
  });
  await step('who is removed by another does not', async () => {
    await first.remove(['spike', 'butch']);
    // Behind the removal: the list has one more, and not the one before it.
    const third = await create();
    await third.remove(['spike']);
    const last = await create();
    await (await ofSpike(last)).quit();
    await left(last, second);
  });
});
