// The IM core is asked to stop while a message waits for its hook: the sender gets its answer, then the socket is closed
// with 1001, and the message is in the history of the next process. Expects `slow` in production.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { CommandType, openRawSocket } from '../lib/raw_socket.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

const MESSAGES = 10;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const group = await tom.createGroup(['spike'], { name: 'im stops' });
  const socket = await openRawSocket(connection.url);
  await socket.login(connection.app_id, 'spike');

  const answers = await step('messages are on their way when the stop comes', async () => {
    const requests = Array.from({ length: MESSAGES }, (_, number) =>
      socket.request({ cmd: CommandType.direct, peerId: 'spike', directMessage: { cid: group.id, msg: `${number}` } }));
    await requests[0];
    const stopped = ask('stop-front');
    const replies = await Promise.all(requests);
    const { code } = await socket.closed();
    report({ close_code: code });
    await stopped;
    return replies;
  });
  await step('the next process has every message that was acknowledged, and no other', async () => {
    await ask('start-front');
    const reader = await connect(connection, 'tom');
    const texts = await historyTexts(await reader.conversation(group.id));
    const acknowledged = answers.filter(({ ackMessage }) => ackMessage?.uid).length;
    assert.ok(acknowledged >= 2, 'the one in work at the stop was not acknowledged');
    assert.equal(texts.length, acknowledged);
  });
});
