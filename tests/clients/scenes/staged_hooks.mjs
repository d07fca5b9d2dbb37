// Messages run the hooks of production, never those of staging (EC-25).

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'staged' });
  const arrivesAs = async (expected) => {
    await tom.send(group, 'crap');
    assert.equal((await jerry.nextMessage()).text, expected);
  };
  await step('a hook in staging is not called', () => arrivesAs('crap'));
  await ask('publish');
  await step('published, it is', () => arrivesAs('**'));
});
