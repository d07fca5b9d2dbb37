// The same names in two apps of one server: no client of one app sees, reaches or is taken for a client of the other.
// Arguments: id and app key of the other app.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { CommandType, OpType, openRawSocket } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const [id, appKey] = process.argv.slice(2);
  const other = { url: connection.url, app_id: id, app_key: appKey };
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const strangeTom = await connect(other, 'tom');
  const strangeJerry = await connect(other, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'private' });

  await step('who is online in one app is not in the other', async () => {
    const spike = await connect(connection, 'spike');
    assert.deepEqual(await strangeTom.client.ping(['spike', 'jerry']), ['jerry']);
    await spike.logout();
  });
  await step('a conversation is neither found nor listed', async () => {
    assert.equal(await strangeTom.conversation(group.id).catch(() => null), null);
    assert.deepEqual(await strangeTom.client.getQuery().find(), []);
    assert.deepEqual(await strangeTom.client.getQuery().equalTo('name', 'private').find(), []);
  });
  await step('a message goes to members of its own app', async () => {
    await tom.send(group, 'crap for jerry');
    assert.equal((await jerry.nextMessage()).text, '** for jerry');
    const own = await strangeTom.createGroup(['jerry'], { name: 'own' });
    await strangeTom.send(own, 'crap for the other jerry');
    // No filter: the hooks of one app are not those of the other. And it is the first message that comes.
    assert.equal((await strangeJerry.nextMessage()).text, 'crap for the other jerry');
    await tom.send(group, 'second');
    assert.equal((await jerry.nextMessage()).text, 'second', 'nothing of the other app came between');
  });

  const socket = await openRawSocket(connection.url);
  await socket.login(id, 'tom');
  const conv = (op, fields = {}) =>
    socket.request({ cmd: CommandType.conv, op, convMessage: { cid: group.id, ...fields } });
  for (const [what, act] of [
    ['send', () => socket.request({ cmd: CommandType.direct, directMessage: { cid: group.id, msg: 'hello' } })],
    ['join', () => conv(OpType.add, { m: ['tom'] })],
    ['add a member', () => conv(OpType.add, { m: ['butch'] })],
    ['remove a member', () => conv(OpType.remove, { m: ['jerry'] })],
  ]) {
    await step(`the id of a conversation does not help to ${what}`, async () => {
      const reply = await act();
      assert.ok(reply.cmd === CommandType.error || reply.ackMessage?.code, JSON.stringify(reply));
    });
  }
  await step('nor to rename it', async () => {
    await conv(OpType.update, { attr: { data: '{"name":"stolen"}' } });
    assert.equal((await tom.client.getQuery().equalTo('objectId', group.id).find())[0].name, 'private');
  });
  await step('nor to read its history', async () => {
    const reply = await socket.request({ cmd: CommandType.logs, logsMessage: { cid: group.id, l: 100 } });
    assert.ok(reply.cmd === CommandType.error || reply.logsMessage.logs.length === 0, JSON.stringify(reply));
  });
  await step('its members and messages are as before', async () => {
    const [found] = await tom.client.getQuery().equalTo('objectId', group.id).find();
    assert.deepEqual([...found.members].sort(), ['jerry', 'tom']);
    const history = await group.queryMessages({ limit: 100 });
    assert.equal(history.length, 2);
  });

  const raw = await openRawSocket(connection.url);
  const token = (await raw.login(connection.app_id, 'tom')).sessionMessage.st;
  await step('a session token does not work in the other app', async () => {
    const elsewhere = await openRawSocket(connection.url);
    const reply = await elsewhere.open({ appId: id, peerId: 'tom' }, { r: true, st: token });
    assert.equal(reply.cmd, CommandType.error, JSON.stringify(reply));
    elsewhere.close();
  });
  await step('nor are the keys and tokens of one app for missed events of the other', async () => {
    const status = async (appId, key, sessionToken) => {
      const headers = { 'x-lc-id': appId, 'x-lc-key': key, 'x-lc-im-session-token': sessionToken };
      const answer = await fetch(`${connection.url}/1.1/rtm/notifications?client_id=tom`, { headers });
      return answer.status;
    };
    assert.equal(await status(connection.app_id, connection.app_key, token), 200);
    assert.equal(await status(id, appKey, token), 401);
    assert.equal(await status(connection.app_id, appKey, token), 401);
  });
  await step('a socket stays with the app that it logged in to', async () => {
    const reply = await raw.open({ appId: id, peerId: 'butch' });
    assert.equal(reply.cmd, CommandType.error, JSON.stringify(reply));
  });
  assert.ok(await rejection(strangeTom.client.getConversation(group.id, true).then((found) => {
    if (!found) throw new Error('not found');
  })));
});
