// The app of a logged-in client is deleted: its session ends, and nothing more is accepted.

import assert from 'node:assert/strict';

import { openRawSocket } from '../lib/raw_socket.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

const app = process.argv[2];

await scene(async (connection) => {
  const socket = await openRawSocket(connection.url);
  await step('a client logs in', () => socket.login(app, 'tom'));
  const bystander = await openRawSocket(connection.url);
  await bystander.login(connection.app_id, 'tom');
  await step('the app is deleted, and the socket closed with the code of an unknown app', async () => {
    await ask('delete app', app);
    assert.equal((await socket.closed()).code, 4100);
  });
  await step('no client can log in any more', async () => {
    const again = await openRawSocket(connection.url);
    const reply = await again.open({ appId: app, peerId: 'tom' });
    assert.equal(reply.errorMessage.code, 4100);
  });
  await step('the client of the same name in another app goes on', async () => {
    const { CommandType, OpType } = await import('../lib/raw_socket.mjs');
    const sessionMessage = { sessionPeerIds: ['tom'] };
    const reply = await bystander.request({ cmd: CommandType.session, op: OpType.query, peerId: 'tom', sessionMessage });
    assert.deepEqual(reply.sessionMessage.onlineSessionPeerIds, ['tom']);
    bystander.close();
  });
});
