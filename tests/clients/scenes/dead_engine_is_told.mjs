// The engine is killed, and a hook's breaker opens: `hookd info` shows it while nothing else of the engine answers, and
// says so again once it is back. Expects `word-filter` in production.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const [tom, jerry] = await Promise.all([connect(connection, 'tom'), connect(connection, 'jerry')]);
  const group = await tom.createGroup(['jerry']);
  const send = async (text, arrives) => {
    await tom.send(group, text);
    await jerry.nextMessage(arrives);
  };
  await ask('settings', '--hook-breaker-failures 2 --hook-breaker-cool-down 1min');
  await step('with the engine all are closed', async () => {
    await send('crap', '**');
    assert.match((await ask('info')).stdout, /^breakers {4}all closed$/m);
  });
  await step('the engine is killed: `hookd info` shows the open breaker', async () => {
    await ask('kill-engine');
    await send('crap', 'crap');
    await send('crap', 'crap');
    const { stdout, stderr } = await ask('info');
    assert.match(stdout, /^breakers {4}_messageReceived: open since \S+Z \(\d+s\), 2 failures in a row, last `unavailable`; tried again in \w+$/m);
    report({ stderr });
  });
  await step('the engine is back, and answered a call', async () => {
    await ask('start-engine');
    let info;
    do {
      await tom.send(group, 'crap');
      await jerry.nextMessage();
      info = await ask('info');
    } while (!/^breakers {4}all closed$/m.test(info.stdout));
  });
});
