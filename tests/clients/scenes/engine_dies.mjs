// The engine is killed under load, and comes back: messages go on by the failure policy, quickly, and are filtered again
// soon after its return. Expects `word-filter` in production.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { connect } from '../lib/device.mjs';
import { metricsText } from '../lib/metrics.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

/** Messages of each pair while the engine is dead; more than open the circuit breaker. */
const WITHOUT_ENGINE = 60;
const PAIRS = 4;

/** Resolves as soon as the engine's port or socket takes connections. */
async function untilItListens(engine) {
  const address = engine.startsWith('unix:') ? { path: engine.slice('unix:'.length) } : { host: '127.0.0.1', port: Number(new URL(engine).port) };
  for (;;) {
    const socket = net.connect(address);
    const connected = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)])
      .catch(() => false);
    socket.destroy();
    if (connected) return;
    await delay(2);
  }
}

await scene(async (connection) => {
  const pairs = await Promise.all(Array.from({ length: PAIRS }, async (_, number) => {
    const [from, to] = await Promise.all([connect(connection, `from${number}`), connect(connection, `to${number}`)]);
    const group = await from.createGroup([`to${number}`], { name: 'engine dies' });
    return { from, to, group };
  }));
  /** How a message fares: how it arrives (nothing if it was refused), and how long its sender waited. */
  const attempt = async ({ from, to, group }) => {
    const start = performance.now();
    const failure = await from.send(group, 'crap').then(() => undefined, (error) => error);
    const took = performance.now() - start;
    if (failure) {
      assert.equal(failure.code, 4200);
      assert.match(failure.detail, /^hook call failed/);
      return { took, detail: failure.detail };
    }
    return { took, text: (await to.nextMessage()).text };
  };
  const slowest = (attempts) => Math.max(...attempts.map(({ took }) => took));

  await step('with the engine, messages are filtered', async () => {
    const all = await Promise.all(pairs.map(attempt));
    assert.ok(all.every(({ text }) => text === '**'));
  });
  // A breaker that waited for the end of its cool-down would not be back before a minute.
  await ask('settings', '--hook-breaker-cool-down 60s');
  const letThrough = await step('the engine is killed under load: with `ignore` every message arrives as it was sent', async () => {
    const underLoad = Promise.all(pairs.map(async (pair) => {
      const attempts = [];
      let without = 0;
      while (without < WITHOUT_ENGINE) {
        const result = await attempt(pair);
        assert.ok(result.text, 'a message was refused');
        attempts.push(result);
        if (result.text === 'crap') without += 1;
        else assert.equal(without, 0, 'a dead engine filtered a message');
      }
      return attempts;
    }));
    await attempt(pairs[0]).then(() => ask('kill-engine'));
    return (await underLoad).flat();
  });
  await step('and is counted', async () => {
    const metrics = await metricsText(connection);
    const counted = [...metrics.matchAll(/^hookd_hook_let_through_total\{.*hook="_messageReceived".*\} (\d+)$/gm)];
    const total = counted.reduce((sum, [, count]) => sum + Number(count), 0);
    assert.equal(total, letThrough.filter(({ text }) => text === 'crap').length);
  });
  await ask('settings', '--on-hook-failure abort');
  const refused = await step('with `abort` the sender gets an error at once', async () => {
    const rounds = [];
    for (let round = 0; round < 10; round += 1) rounds.push(...await Promise.all(pairs.map(attempt)));
    assert.ok(rounds.every(({ text }) => text === undefined));
    return rounds;
  });
  await step('the engine comes back, and messages are filtered again', async () => {
    const nextTry = /the next try is in (\d+) ms/.exec(refused.at(-1).detail)?.[1];
    assert.ok(Number(nextTry) > 30_000, refused.at(-1).detail);
    let back;
    const listens = untilItListens(connection.engine).then(() => { back = performance.now(); });
    const returned = ask('start-engine');
    const recovered = await Promise.all(pairs.map(async (pair) => {
      for (;;) {
        const { text } = await attempt(pair);
        if (text !== undefined) {
          assert.equal(text, '**');
          return performance.now();
        }
      }
    }));
    await Promise.all([listens, returned]);
    report({ recovered_ms: Math.max(0, ...recovered.map((time) => time - back)) });
  });
  await step('and stay so', async () => {
    const all = await Promise.all(pairs.map(attempt));
    assert.ok(all.every(({ text }) => text === '**'));
  });
  report({ slowest_let_through_ms: slowest(letThrough), slowest_refusal_ms: slowest(refused) });
});
