// A short look at whether everything works, whatever happened before: log in, ping, deploy, send under both failure policies,
// read the history. Expects a hook `trap`, which fails at every message.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  await ask('settings', '--on-hook-failure ignore');
  const [tom, jerry] = await step('two clients log in', () =>
    Promise.all(['tom', 'jerry'].map((name) => connect(connection, name))),
  );
  await step('and they see each other', async () => assert.deepEqual(await tom.client.ping(['jerry']), ['jerry']));
  const group = await tom.createGroup(['jerry'], { name: 'works' });
  await step('a deployment reports its steps', async () => {
    const { version } = await ask('deploy', 'trap');
    assert.ok(version > 0);
  });
  await step('with `ignore` a message goes out', async () => {
    await tom.send(group, 'let through');
    await jerry.nextMessage('let through');
  });
  await step('with `abort` it does not', async () => {
    await ask('settings', '--on-hook-failure abort');
    assert.equal((await rejection(tom.send(group, 'stopped'))).code, 4200);
    await ask('settings', '--on-hook-failure ignore');
  });
  await step('the history shows it', async () => assert.deepEqual(await historyTexts(group), ['let through']));
});
