// An engine that is dead: after three failures in a row a hook's breaker opens, its calls fail at once and by the policy, and
// the other hooks are as before. Once the engine is back, one call tries it, and the breaker closes.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { sample } from '../lib/metrics.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

const HOOK = '_messageReceived';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry']);
  const breaker = async (hook) => (await ask('breakers')).find((reported) => reported.hook === hook);
  const gauge = () => sample(connection, 'hookd_hook_breaker_state', { app: connection.app_id, hook: HOOK });
  const shortCircuited = () => sample(connection, 'hookd_hook_short_circuited_total', { hook: HOOK });
  const send = async (text) => {
    await tom.send(group, text);
    await jerry.nextMessage(text);
  };

  await step('it is closed', async () => {
    await ask('settings', '--hook-breaker-failures 3 --hook-breaker-cool-down 1min');
    await send('well');
    const closed = { state: 'closed', failures_in_a_row: 0, last_cause: null, open_for_ms: null, next_try_ms: null };
    assert.deepEqual(await breaker(HOOK), { hook: HOOK, ...closed });
    assert.match((await ask('info')).stdout, /^breakers {4}all closed$/m);
  });
  await step('two failures are not enough', async () => {
    await ask('settings', '--engine-url http://127.0.0.1:1');
    await send('one');
    await send('two');
    const { state, failures_in_a_row, last_cause } = await breaker(HOOK);
    assert.deepEqual([state, failures_in_a_row, last_cause], ['closed', 2, 'unavailable']);
    assert.equal(await shortCircuited(), 0);
  });
  await step('the third opens it, and `hookd info` shows it', async () => {
    await send('three');
    const { state, failures_in_a_row, next_try_ms } = await breaker(HOOK);
    assert.deepEqual([state, failures_in_a_row], ['open', 3]);
    assert.ok(next_try_ms > 0 && next_try_ms <= 60_000, `${next_try_ms}`);
    assert.equal(await gauge(), 2);
    const shown = /^breakers {4}_messageReceived: open since \S+Z \(\d+s\), 3 failures in a row, last `unavailable`; tried again in \w+$/m;
    assert.match((await ask('info')).stdout, shown);
  });
  await step('calls fail at once, and by the policy', async () => {
    await send('let through');
    assert.equal(await shortCircuited(), 1);
    await ask('settings', '--on-hook-failure abort');
    const error = await rejection(tom.send(group, 'stopped'));
    assert.equal(error.code, 4200);
    assert.match(error.detail, /^hook call failed: `_messageReceived`: unavailable: the circuit breaker of this hook is open/);
    assert.equal(await shortCircuited(), 2);
  });
  await step('another hook has a breaker of its own', async () => {
    assert.equal((await breaker('_conversationAdd')).state, 'closed');
    const error = await rejection(group.add(['spike']));
    assert.equal(error.code, 4300);
    assert.match(error.detail, /^hook call failed: `_conversationAdd`: unavailable: the engine cannot be reached/);
    assert.equal((await breaker('_conversationAdd')).failures_in_a_row, 1);
  });
  await step('switched off it closes, and every call tries the engine', async () => {
    await ask('settings', '--on-hook-failure ignore --hook-breaker-failures 0');
    await send('four');
    assert.equal((await breaker(HOOK)).state, 'closed');
    assert.equal(await gauge(), 0);
  });
  await step('the engine is back: the first call after the cool-down decides, and closes it', async () => {
    await ask('settings', '--hook-breaker-failures 1 --hook-breaker-cool-down 1ms');
    await send('five');
    assert.equal((await breaker(HOOK)).state, 'open');
    await ask('settings', '--engine-url none --on-hook-failure abort');
    await send('well again');
    const { state, failures_in_a_row } = await breaker(HOOK);
    assert.deepEqual([state, failures_in_a_row], ['closed', 0]);
    assert.equal(await gauge(), 0);
  });
});
