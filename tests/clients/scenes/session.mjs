// Log-in, ping and log-out, over both framings.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await step('tom logs in', () => connect(connection, 'tom'));
  const jerry = await step('jerry logs in over base64 frames', () => connect(connection, 'jerry', { base64: true }));

  await step('a ping answers who is online, in the order asked', async () => {
    assert.deepEqual(await tom.client.ping(['nobody', 'jerry', 'tom']), ['jerry', 'tom']);
  });
  await step('a log-in without a name gets one', async () => {
    const stranger = await connect(connection);
    assert.match(stranger.client.id, /^\S{1,64}$/);
    await stranger.logout();
  });
  await step('two clients share one socket', async () => {
    const spike = await tom.realtime.createIMClient('spike');
    assert.deepEqual(await jerry.client.ping(['spike', 'tom']), ['spike', 'tom']);
    await spike.close();
    assert.deepEqual(await jerry.client.ping(['spike', 'tom']), ['tom']);
  });
  await step('a second log-in on the same tag ends the first', async () => {
    const phone = await connect(connection, 'tyke', { tag: 'mobile' });
    const tablet = await connect(connection, 'tyke', { tag: 'mobile' });
    await phone.inbox.next('conflict');
    assert.deepEqual(await tablet.client.ping(['tyke']), ['tyke']);
  });
  await step('a second log-in of a client on one socket replaces the first', async () => {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'twice');
    await socket.login(connection.app_id, 'twice');
    assert.deepEqual(await tom.client.ping(['twice']), ['twice']);
    socket.close();
  });
  await step('after a log-out the client is offline', async () => {
    await jerry.logout();
    assert.deepEqual(await tom.client.ping(['jerry']), []);
  });
  await step('and can log in again', async () => {
    await connect(connection, 'jerry');
    assert.deepEqual(await tom.client.ping(['jerry']), ['jerry']);
  });
});
