// Bad input: the code of the protocol to that client, the socket closed where the protocol says so, and two clients who
// chat meanwhile notice nothing.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';

import { connect } from '../lib/device.mjs';
import { CommandType, openRawSocket, OpType } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'undisturbed' });
  const app = connection.app_id;
  const errorOf = (reply) => ({ code: reply.errorMessage?.code, reason: reply.errorMessage?.reason });

  /** A step after which tom and jerry still talk on the sockets they had. */
  async function undisturbed(name, act) {
    await step(name, async () => {
      await act();
      await tom.send(group, name);
      await jerry.nextMessage(name);
      for (const device of [tom, jerry]) assert.deepEqual(device.inbox.unread('disconnect'), []);
    });
  }
  /** What is sent without a log-in first. */
  async function stranger(act) {
    const socket = await openRawSocket(connection.url);
    await act(socket);
    socket.close();
  }
  /** What a logged-in client sends. */
  async function guest(act) {
    await stranger(async (socket) => {
      await socket.login(app, 'guest');
      await act(socket);
    });
  }

  await undisturbed('a frame that is not a command closes the socket with 4114', () =>
    guest(async (socket) => {
      socket.sendBytes(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]));
      assert.equal((await socket.closed()).code, 4114);
    }));
  await undisturbed('a text frame on the binary sub-protocol closes the socket with 4114', () =>
    guest(async (socket) => {
      socket.sendBytes('{"cmd":"direct"}');
      assert.equal((await socket.closed()).code, 4114);
    }));
  await undisturbed('an unknown command is answered with 4200', () =>
    guest(async (socket) => {
      socket.sendBytes(Buffer.from([0x08, 77, 0x28, 90])); // cmd 77, i 90
      assert.deepEqual(errorOf(await socket.reply(90)), { code: 4200, reason: 'INTERNAL_ERROR' });
      await socket.request({ cmd: CommandType.echo });
    }));
  await undisturbed('an unknown operation is answered with 4200', () =>
    guest(async (socket) => {
      const reply = await socket.request({ cmd: CommandType.conv, op: OpType.kicked });
      assert.equal(errorOf(reply).code, 4200);
    }));
  await undisturbed('a frame over 1 MiB closes the socket with 4109', () =>
    guest(async (socket) => {
      socket.sendBytes(Buffer.alloc(1024 * 1024 + 1));
      assert.equal((await socket.closed()).code, 4109);
    }));
  await undisturbed('a message over 5 KB is refused with 4109', async () => {
    const error = await rejection(tom.send(group, 'x'.repeat(6_000)));
    assert.equal(error.code, 4109);
    assert.deepEqual(jerry.inbox.unread('message'), []);
  });
  await undisturbed('a log-in without app id is refused with 4100, and the socket closed', () =>
    stranger(async (socket) => {
      assert.deepEqual(errorOf(await socket.open({ peerId: 'guest' })), { code: 4100, reason: 'APP_NOT_AVAILABLE' });
      assert.equal((await socket.closed()).code, 4100);
    }));
  await undisturbed('a log-in to an unknown app is refused with 4100, and the socket closed', () =>
    stranger(async (socket) => {
      assert.equal(errorOf(await socket.open({ appId: 'nobody', peerId: 'guest' })).code, 4100);
      assert.equal((await socket.closed()).code, 4100);
    }));
  await undisturbed('a client id of 65 characters is refused with 4103', () =>
    stranger(async (socket) => {
      const reply = await socket.open({ appId: app, peerId: 'x'.repeat(65) });
      assert.deepEqual(errorOf(reply), { code: 4103, reason: 'INVALID_LOGIN' });
    }));
  await undisturbed('an unknown session token is refused with 4112', () =>
    stranger(async (socket) => {
      const reply = await socket.open({ appId: app, peerId: 'guest' }, { r: true, st: 'invented' });
      assert.equal(errorOf(reply).code, 4112);
    }));
  await undisturbed('a command before the log-in is refused with 4105', () =>
    stranger(async (socket) => {
      const reply = await socket.request({ cmd: CommandType.conv, op: OpType.count, convMessage: { cid: group.id } });
      assert.deepEqual(errorOf(reply), { code: 4105, reason: 'SESSION_REQUIRED' });
    }));
  await undisturbed('a command for a client of another socket is refused with 4105', () =>
    guest(async (socket) => {
      const directMessage = { cid: group.id, msg: 'I am tom' };
      const reply = await socket.request({ cmd: CommandType.direct, peerId: 'tom', directMessage });
      assert.equal(errorOf(reply).code ?? reply.ackMessage?.code, 4105);
    }));
  await undisturbed('a second log-in on one socket replaces the first', () =>
    guest(async (socket) => {
      await socket.login(app, 'guest');
      assert.deepEqual(await tom.client.ping(['guest']), ['guest']);
    }));
  await undisturbed('an unknown sub-protocol is refused', async () => {
    const socket = new WebSocket(connection.url.replace(/^http/, 'ws'), 'lc.protobuf.9');
    await assert.rejects(once(socket, 'open'), /Unexpected server response: 400/);
  });

  const spike = await connect(connection, 'spike');
  const groupOfTom = await spike.conversation(group.id);
  await undisturbed('a message to a conversation one is not in is refused with 4401', async () => {
    const error = await rejection(spike.send(groupOfTom, 'let me in'));
    assert.equal(error.code, 4401);
    assert.equal(error.message, 'INVALID_MESSAGING_TARGET');
  });
  await undisturbed('a message to a conversation that does not exist is refused with 4401', () =>
    guest(async (socket) => {
      const directMessage = { cid: '000000000000000000000000', msg: 'anybody?' };
      const reply = await socket.request({ cmd: CommandType.direct, directMessage });
      assert.equal(reply.ackMessage?.code ?? errorOf(reply).code, 4401);
    }));
  await undisturbed('the history of a conversation one is not in is refused with 4312', async () => {
    assert.equal((await rejection(groupOfTom.queryMessages({ limit: 10 }))).code, 4312);
  });
  await undisturbed('members of a conversation one is not in cannot be changed: 4317', async () => {
    assert.equal((await rejection(groupOfTom.add(['butch']))).code, 4317);
    assert.equal((await rejection(groupOfTom.remove(['jerry']))).code, 4317);
  });
  await undisturbed('a query that cannot be understood is refused with 4310', async () => {
    assert.equal((await rejection(spike.client.getQuery().matches('name', '(').find())).code, 4310);
  });

  const functions = `${connection.url}/1.1/functions/_messageReceived`;
  const keys = { 'X-LC-Id': app, 'X-LC-Key': connection.app_key, 'X-LC-Hook-Key': connection.hook_key };
  const call = async (headers) => {
    const answer = await fetch(functions, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: '{}' });
    return { status: answer.status, body: await answer.json() };
  };
  for (const [name, headers] of [
    ['no keys', {}],
    ['a wrong app key', { ...keys, 'X-LC-Key': 'wrong' }],
    ['a wrong app id', { ...keys, 'X-LC-Id': 'wrong' }],
    ['a wrong hook key', { ...keys, 'X-LC-Hook-Key': 'wrong' }],
    ['no hook key, but the master key', { 'X-LC-Id': app, 'X-LC-Key': `${connection.master_key},master` }],
  ]) {
    await undisturbed(`a hook call with ${name} answers 401`, async () => {
      const { status, body } = await call(headers);
      assert.equal(status, 401);
      assert.equal(body.code, 401);
    });
  }
  await undisturbed('missed events need a session token of that client', async () => {
    const url = `${connection.url}/1.1/rtm/notifications?client_id=tom&start_ts=0&notification_type=permanent`;
    const headers = { 'X-LC-Id': app, 'X-LC-Key': connection.app_key, 'X-LC-IM-Session-Token': 'invented' };
    assert.equal((await fetch(url, { headers })).status, 401);
  });
});
