// A hook that takes tens of milliseconds: messages of one conversation keep their order, and others do not queue behind
// them.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { scene, step } from '../lib/scene.mjs';

const MESSAGES = 20;

await scene(async (connection) => {
  const [tom, jerry, spike] = await Promise.all(['tom', 'jerry', 'spike'].map((name) => connect(connection, name)));
  const slow = await tom.createGroup(['jerry']);
  const other = await spike.createGroup(['jerry']);

  await step('a message of another conversation overtakes a queue', async () => {
    const order = [];
    const queue = Array.from({ length: MESSAGES }, (_, number) => tom.send(slow, `${number}`).then(() => order.push(number)));
    await spike.send(other, 'me too').then(() => order.push('other'));
    await Promise.all(queue);
    assert.notEqual(order.at(-1), 'other');
    assert.deepEqual(order.filter((item) => item !== 'other'), [...Array(MESSAGES).keys()]);
  });
  await step('the queue arrives in its order', async () => {
    for (let number = 0; number < MESSAGES; number += 1) {
      const { text } = await jerry.inbox.next('message', (event) => event.conversationId === slow.id);
      assert.match(`${text}`, new RegExp(`^(\\{.*"${number}"|${number}\\b)`));
    }
  });
});
