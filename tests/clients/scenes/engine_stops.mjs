// The engine is asked to stop while it runs a hook: the call has its whole time, and the engine is gone only then.
// Expects `infinite-loop` in production: its call ends with a timeout when it is let run, and as unavailable when not.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { metricsText } from '../lib/metrics.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'engine stops' });
  const causes = async () => {
    const metrics = await metricsText(connection);
    const counted = metrics.matchAll(/^hookd_hook_let_through_total\{.*cause="(\w+)".*\} (\d+)$/gm);
    return Object.fromEntries([...counted].map(([, cause, count]) => [cause, Number(count)]));
  };
  await ask('settings', '--blocking-hook-timeout 2s --on-hook-failure ignore');

  await step('a call in flight has its whole time', async () => {
    const start = performance.now();
    const sent = tom.send(group, 'in flight');
    // The server has taken the message, and this way its hook call began before the stop.
    for (let round = 0; round < 10; round += 1) await tom.client.ping(['jerry']);
    await ask('stop-engine');
    await sent;
    assert.ok(performance.now() - start >= 2_000);
    await jerry.nextMessage('in flight');
    assert.deepEqual(await causes(), { timeout: 1 });
  });
  await step('then the engine is gone', () => ask('wait-for-engine'));
  await step('and messages go on without it', async () => {
    await tom.send(group, 'afterwards');
    await jerry.nextMessage('afterwards');
    assert.deepEqual(await causes(), { timeout: 1, unavailable: 1 });
  });
});
