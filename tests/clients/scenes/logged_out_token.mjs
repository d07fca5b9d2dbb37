// The session token of a client that logged out does not work again, after the server was killed either (F-28).

import assert from 'node:assert/strict';

import { CommandType, openRawSocket, OpType } from '../lib/raw_socket.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const app = { appId: connection.app_id, peerId: 'tom' };
  const comeBack = async (st) => {
    const socket = await openRawSocket(connection.url);
    const reply = await socket.open(app, { r: true, st });
    socket.close();
    return reply;
  };
  const missedEvents = async (token) => {
    const url = `${connection.url}/1.1/rtm/notifications?client_id=tom&start_ts=0&notification_type=permanent`;
    const headers = { 'X-LC-Id': connection.app_id, 'X-LC-Key': connection.app_key, 'X-LC-IM-Session-Token': token };
    return (await fetch(url, { headers })).status;
  };

  const socket = await openRawSocket(connection.url);
  const token = (await socket.login(connection.app_id, 'tom')).sessionMessage.st;
  const other = await openRawSocket(connection.url);
  const alive = (await other.login(connection.app_id, 'tom')).sessionMessage.st;
  await step('tom logs out on one device', async () => {
    assert.equal(await missedEvents(token), 200);
    const reply = await socket.request({ cmd: CommandType.session, op: OpType.close });
    assert.equal(reply.op, OpType.closed);
  });
  const isDead = async () => {
    assert.equal((await comeBack(token)).errorMessage?.code, 4105);
    assert.equal(await missedEvents(token), 401);
  };
  await step('the token is dead', isDead);
  await step('the server is killed and starts again', async () => {
    await ask('kill');
    await ask('start');
  });
  await step('the token is still dead', isDead);
  await step('that of the other device works', async () => {
    assert.equal(await missedEvents(alive), 200);
    assert.equal((await comeBack(alive)).op, OpType.opened);
  });
});
