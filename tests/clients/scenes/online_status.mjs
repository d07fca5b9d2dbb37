// The example `online-status`: hooks keep the status of clients, a function returns it to every caller with the app
// key.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

/** Notification hooks run after the operation; they take milliseconds. */
const HOOK_DEADLINE_MS = 5_000;

await scene(async (connection) => {
  const keys = {
    app: { 'X-LC-Key': connection.app_key },
    master: { 'X-LC-Key': `${connection.master_key},master` },
    hook: { 'X-LC-Key': connection.app_key, 'X-LC-Hook-Key': connection.hook_key },
  };
  const call = async (name, params, key) => {
    const response = await fetch(`${connection.url}/1.1/functions/${name}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-LC-Id': connection.app_id, ...keys[key] },
      body: JSON.stringify(params),
    });
    const body = await response.json();
    if (!response.ok) throw Object.assign(new Error(body.error), { status: response.status });
    return body.result;
  };
  const status = (...peerIds) => call('getOnOffStatus', { peerIds }, 'app');
  const becomes = async (peerIds, expected) => {
    const deadline = Date.now() + HOOK_DEADLINE_MS;
    let found;
    do found = await status(...peerIds);
    while (JSON.stringify(found) !== JSON.stringify(expected) && Date.now() < deadline);
    assert.deepEqual(found, expected);
  };

  await step('no client was ever seen', async () => {
    assert.deepEqual(await status('ann', 'bob', 'zed'), [null, null, null]);
  });
  const ann = await openRawSocket(connection.url);
  await step('ann logs in', () => ann.login(connection.app_id, 'ann'));
  const bob = await step('bob logs in', () => connect(connection, 'bob'));
  await step('both are online', () => becomes(['ann', 'bob', 'zed'], ['1', '1', null]));
  await step('bob logs out', () => bob.logout());
  await step('bob is offline', () => becomes(['ann', 'bob', 'zed'], ['1', '0', null]));
  await step('ann loses the connection', () => ann.close());
  await step('ann is offline', () => becomes(['zed', 'ann'], [null, '0']));
  await step('bob comes back', () => connect(connection, 'bob'));
  await step('bob is online again', () => becomes(['bob'], ['1']));

  await step('an internal function is refused with the app key', async () => {
    const error = await rejection(call('forgetClient', { peerId: 'ann' }, 'app'));
    assert.equal(error.status, 401);
    assert.deepEqual(await status('ann'), ['0']);
  });
  await step('it is served with the master key', async () => {
    assert.equal(await call('forgetClient', { peerId: 'ann' }, 'master'), true);
    assert.deepEqual(await status('ann'), [null]);
  });
  await step('and with the hook key', async () => {
    assert.equal(await call('forgetClient', { peerId: 'bob' }, 'hook'), true);
  });
  await step('clients cannot call a hook as a function', async () => {
    assert.equal((await rejection(call('_clientOnline', { peerId: 'eve' }, 'app'))).status, 401);
    assert.deepEqual(await status('eve'), [null]);
  });
});
