// Two clients talk for some seconds in an app with the word filter; reports how long a send took until it was acknowledged,
// and how many messages were refused, or came as they were written.
//
// Argument: seconds.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { connect } from '../lib/device.mjs';
import { report, scene, step } from '../lib/scene.mjs';

const SECONDS = Number(process.argv[2]);
const BETWEEN_SENDS_MS = 20;

await scene(async (connection) => {
  const [tom, jerry] = [await connect(connection, 'tom'), await connect(connection, 'jerry')];
  const talk = await tom.createGroup(['jerry']);
  const times = [];
  let unfiltered = 0;
  const refused = [];
  await step('they talk', async () => {
    const end = Date.now() + SECONDS * 1_000;
    for (let number = 0; Date.now() < end; number += 1) {
      const begun = performance.now();
      try {
        await tom.send(talk, `crap ${number}`);
        times.push(performance.now() - begun);
        const { text } = await jerry.nextMessage();
        assert.ok(text.endsWith(` ${number}`), text);
        if (text.includes('crap')) unfiltered += 1;
      } catch (error) {
        refused.push(String(error));
      }
      await pause(BETWEEN_SENDS_MS);
    }
  });
  times.sort((one, other) => one - other);
  const quantile = (fraction) => Number(times[Math.floor((times.length - 1) * fraction)].toFixed(1));
  report({ sent: times.length, unfiltered, refused, medianMs: quantile(0.5), p99Ms: quantile(0.99), slowestMs: quantile(1) });
}, (SECONDS + 60) * 1_000);
