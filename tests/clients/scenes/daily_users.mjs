// An app that lets so many clients in a day: one beyond them is refused, one that was there that day comes back.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  await ask('settings', '--daily-users 2');
  const tom = await connect(connection, 'tom', { sdk });
  const jerry = await connect(connection, 'jerry', { sdk });
  const group = await tom.createGroup(['jerry', 'spike']);
  await jerry.inbox.next('invited');

  await step('one client more is refused', async () => {
    const error = await rejection(connect(connection, 'spike', { sdk }));
    assert.deepEqual([error.code, error.message], [4113, 'APP_QUOTA_EXCEEDED']);
  });
  await step('those that were there today go on, and come back', async () => {
    await jerry.send(await jerry.conversation(group.id), 'we are two');
    await tom.nextMessage('we are two');
    await tom.logout();
    await (await connect(connection, 'tom', { sdk })).logout();
  });
  await step('with a larger number it is let in', async () => {
    await ask('settings', '--daily-users 3');
    await (await connect(connection, 'spike', { sdk })).logout();
  });
});
