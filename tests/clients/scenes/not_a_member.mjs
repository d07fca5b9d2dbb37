// Only members read the messages of a conversation, with every request (F-10): not a stranger, and not a client that
// was removed.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { CommandType, openRawSocket, OpType } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

const SECRET = 'the safe is behind the picture';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry', 'spike'], { name: 'house' });
  await jerry.inbox.next('invited');
  await tom.send(group, SECRET);
  await jerry.nextMessage(SECRET);

  const socket = await openRawSocket(connection.url);
  const rows = async (peerId, where, flag) => {
    const convMessage = { where: { data: JSON.stringify(where) }, flag, limit: 100 };
    const reply = await socket.request({ cmd: CommandType.conv, op: OpType.query, peerId, convMessage });
    return reply.convMessage.results.data;
  };
  await socket.login(connection.app_id, 'stranger');
  await socket.login(connection.app_id, 'spike');

  await step('a member sees the last message', async () => {
    const [found] = await jerry.client.getQuery().equalTo('objectId', group.id).withLastMessagesRefreshed().find();
    assert.equal(found.lastMessage.text, SECRET);
    assert.ok((await rows('spike', { objectId: group.id }, 2)).includes(SECRET));
  });
  await step('a stranger does not, with any request', async () => {
    const stranger = await connect(connection, 'stranger');
    const [found] = await stranger.client.getQuery().equalTo('objectId', group.id).withLastMessagesRefreshed().find();
    assert.ok(!found.lastMessage);
    for (const where of [{ objectId: group.id }, { m: 'tom' }, { name: 'house' }, { $or: [{ c: 'tom' }, { name: 1 }] }]) {
      for (const flag of [0, 1, 2, 3]) {
        const data = await rows('stranger', where, flag);
        assert.equal(JSON.parse(data).length, 1, 'the conversation itself is found');
        assert.ok(!data.includes(SECRET) && !data.includes('msg'), data);
      }
    }
    for (const key of ['msg', 'msg_from', 'msg_mid', 'lastMessage']) {
      assert.equal(await rows('stranger', { [key]: { $regex: '.' } }, 2), '[]');
    }
    assert.equal((await rejection(found.queryMessages())).code, 4312);
    assert.equal((await rejection(stranger.send(found, 'hello?'))).code, 4401);
    assert.equal((await rejection(found.add(['butch']))).code, 4317);
    await stranger.logout();
  });
  await step('nor does a removed member', async () => {
    await group.remove(['spike']);
    await tom.send(group, 'he is gone');
    const data = await rows('spike', { objectId: group.id }, 2);
    assert.ok(!data.includes(SECRET) && !data.includes('he is gone'), data);
    const reply = await socket.request({ cmd: CommandType.logs, peerId: 'spike', logsMessage: { cid: group.id } });
    assert.equal(reply.errorMessage.code, 4312);
  });
  await step('missed events are for the client of the session token', async () => {
    const opened = await socket.login(connection.app_id, 'stranger');
    const missed = async (client) => {
      const url = `${connection.url}/1.1/rtm/notifications?client_id=${client}&start_ts=0&notification_type=permanent`;
      const headers = {
        'X-LC-Id': connection.app_id,
        'X-LC-Key': connection.app_key,
        'X-LC-IM-Session-Token': opened.sessionMessage.st,
      };
      return fetch(url, { headers });
    };
    assert.deepEqual((await (await missed('stranger')).json()).notifications, []);
    assert.equal((await missed('jerry')).status, 401);
  });
  socket.close();
});
