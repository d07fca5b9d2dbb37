// The IM core is asked to stop while twenty hooks decide about messages of as many conversations: each message that was
// acknowledged is in the history of the next process, and no other. Expects `slow` in production.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { CommandType, openRawSocket } from '../lib/raw_socket.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

const CONVERSATIONS = 20;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const groups = [];
  for (let number = 0; number < CONVERSATIONS; number += 1) {
    groups.push(await tom.createGroup(['spike'], { name: `group ${number}` }));
  }
  const socket = await openRawSocket(connection.url);
  await socket.login(connection.app_id, 'spike');

  const acknowledged = await step('twenty hooks are at work when the stop comes', async () => {
    const requests = groups.map(({ id }) =>
      socket.request({ cmd: CommandType.direct, peerId: 'spike', directMessage: { cid: id, msg: 'hi' } }));
    await Promise.any(requests);
    const stopped = ask('stop-front');
    const replies = await Promise.all(requests);
    const { code } = await socket.closed();
    await stopped;
    const answered = replies.map(({ ackMessage }) => Boolean(ackMessage?.uid));
    report({ close_code: code, acknowledged: answered.filter(Boolean).length });
    return answered;
  });
  await step('the next process has every message that was acknowledged, and no other', async () => {
    await ask('start-front');
    const reader = await connect(connection, 'tom');
    for (const [number, group] of groups.entries()) {
      const texts = await historyTexts(await reader.conversation(group.id));
      assert.equal(texts.length, acknowledged[number] ? 1 : 0, `conversation ${number}`);
    }
  });
});
