// JSON as JavaScript writes it: half an emoji, values that nest deep, numbers beyond all bounds. F-18.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { CommandType, openRawSocket, OpType } from '../lib/raw_socket.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

const MAX_DEPTH = 100;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');

  const group = await step('a name with half an emoji', async () => {
    const made = await tom.createGroup(['jerry'], { name: 'x\ud83d', '\udc00': ['\ud83d', '\ud83d\ude00'] });
    const found = await jerry.conversation(made.id);
    assert.equal(found.name, 'x\ufffd');
    assert.deepEqual(found.get('\ufffd'), ['\ufffd', '\u{1f600}']);
    return made;
  });
  await step('a query for it', async () => {
    const query = () => tom.client.getQuery().containsMembers(['jerry']);
    assert.equal((await query().equalTo('name', 'x\udfff').find())[0]?.id, group.id);
    assert.deepEqual(await query().equalTo('name', 'x\ud83d\ude00').find(), []);
  });
  await step('deep attributes pass, and too deep ones are refused by name', async () => {
    const made = await tom.createGroup(['jerry'], { name: 'deep', deep: nested(MAX_DEPTH - 1) });
    assert.deepEqual((await jerry.conversation(made.id)).get('deep'), nested(MAX_DEPTH - 1));
    const error = await rejection(tom.createGroup(['jerry'], { name: 'deeper', deep: nested(MAX_DEPTH) }));
    assert.equal(error.code, 4301);
    assert.match(error.detail ?? error.message, /deeper than 100 levels/);
  });

  const raw = await openRawSocket(connection.url);
  await raw.login(connection.app_id, 'raw');
  await step('numbers out of range, keys that come twice', async () => {
    const data = '{"name":"first","name":"raw","n":1e400,"attr":{"a":-1e999,"b":5.0}}';
    const started = await raw.request({
      cmd: CommandType.conv,
      op: OpType.start,
      peerId: 'raw',
      convMessage: { m: ['raw', 'tom'], attr: { data } },
    });
    const { cid } = started.convMessage;
    const found = await tom.conversation(cid);
    assert.equal(found.name, 'raw');
    assert.equal(found.get('n'), Number.MAX_VALUE);
    assert.deepEqual(found.get('attr'), { a: -Number.MAX_VALUE, b: 5 });
    const where = `{"objectId":"nobody","objectId":"${cid}","n":{"$lte":1e400}}`;
    const results = await raw.request({
      cmd: CommandType.conv,
      op: OpType.query,
      peerId: 'raw',
      convMessage: { where: { data: where } },
    });
    assert.deepEqual(JSON.parse(results.convMessage.results.data).map((row) => row.objectId), [cid]);
  });
  raw.close();

  await step('a reply of the hook with half an emoji is applied', async () => {
    await tom.send(group, 'half an emoji');
    const { message } = await jerry.inbox.next('message');
    assert.equal(message.content, 'a\ufffd');
  });
  await step('a reply with deep JSON is applied', async () => {
    for (const text of ['deep', 'half a key']) {
      const error = await rejection(tom.send(group, text));
      assert.deepEqual([error.code, error.appCode], [4402, 7], text);
    }
    const error = await rejection(tom.createGroup(['jerry'], { name: 'refuse \ud83d', deep: nested(MAX_DEPTH - 1) }));
    assert.deepEqual([error.code, error.appCode, error.detail], [4305, 7, 'half \ufffd']);
  });
});

function nested(depth) {
  let value = 'x';
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}
