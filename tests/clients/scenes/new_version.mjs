// A release counts for the very next message, and calls in flight do not fail because of it.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry', 'spike'], { name: 'new version' });
  const arrivesAs = async (text, expected) => {
    await tom.send(group, text);
    assert.equal((await jerry.nextMessage()).text, expected);
  };

  await step('without a hook', () => arrivesAs('crap', 'crap'));
  await ask('deploy', 'word-filter');
  await step('the first version counts at once', () => arrivesAs('crap', '**'));
  await ask('deploy', 'audit-log');
  await step('a version without this hook counts at once', () => arrivesAs('crap', 'crap'));

  await step('no message suffers from a release under load', async () => {
    let released = false;
    const release = ask('deploy', 'word-filter').then(() => { released = true; });
    const received = [];
    while (!released || received.at(-1) !== '**') {
      await tom.send(group, 'crap');
      received.push((await jerry.nextMessage()).text);
    }
    await release;
    const firstFiltered = received.indexOf('**');
    assert.ok(received.slice(0, firstFiltered).every((text) => text === 'crap'));
    assert.ok(received.slice(firstFiltered).every((text) => text === '**'), 'the old version came back');
  });
});
