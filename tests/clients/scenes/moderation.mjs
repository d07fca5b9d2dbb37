// The example `text-moderation`: a service outside decides about each message.
//
// Argument: host and port of the service, which the app does not allow at first.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const [, , host] = process.argv;
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'moderated' });

  await step('a host that is not allowed is a failed hook: the strict policy refuses the message', async () => {
    await ask('settings', '--on-hook-failure abort');
    const error = await rejection(tom.send(group, 'nobody looks at this'));
    assert.equal(error.code, 4200);
    assert.match(error.detail, /is not allowed; allow it with `hookd settings --allow-host/);
  });
  await step('what the service finds nothing in passes', async () => {
    await ask('settings', `--allow-host ${host}`);
    await tom.send(group, 'hello');
    assert.equal((await jerry.nextMessage()).text, 'hello');
  });
  await step('what it rewrites is rewritten', async () => {
    await tom.send(group, 'Holy crap!');
    assert.equal((await jerry.nextMessage()).text, 'Holy **!');
  });
  await step('what it refuses is dropped', async () => {
    const error = await rejection(tom.send(group, 'spam'));
    assert.equal(error.code, 4402);
    assert.equal(error.appCode ?? undefined, undefined);
  });
  await step('a service that is out of order is a failed hook', async () => {
    const error = await rejection(tom.send(group, 'broken'));
    assert.equal(error.code, 4200);
    assert.match(error.detail, /the moderation service answered 500/);
    await ask('settings', '--on-hook-failure ignore');
    await tom.send(group, 'broken, let through');
    assert.equal((await jerry.nextMessage()).text, 'broken, let through');
  });
});
