// What docs/compatibility.md lists as accepted without effect, and what is not found, by the real client (F-32).

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry']);
  await jerry.inbox.next('invited');

  await step('messages with push data and priority go out as plain ones', async () => {
    const { MessagePriority } = tom.sdk;
    const options = [
      { pushData: { alert: 'hi' } },
      { priority: MessagePriority.HIGH, transient: true },
      { pushData: { alert: 'hi' }, priority: MessagePriority.LOW },
    ];
    for (const [number, option] of options.entries()) {
      await tom.send(group, `message ${number}`, option);
      await jerry.nextMessage(`message ${number}`);
    }
  });
  await step('signatures are not checked, wrong ones neither', async () => {
    const nonsense = async () => ({ signature: 'nonsense', timestamp: 1, nonce: 'x' });
    const spike = await jerry.realtime.createIMClient('spike', {
      signatureFactory: nonsense,
      conversationSignatureFactory: nonsense,
    });
    const signed = await spike.createConversation({ members: ['tom'], unique: false });
    await signed.add(['jerry']);
    await signed.remove(['jerry']);
    await signed.quit();
    await spike.close();
  });
  await step('a LiveQuery log-in is answered', async () => {
    const socket = await openRawSocket(connection.url);
    const reply = await socket.request({ cmd: 8, appId: connection.app_id, installationId: 'i', service: 1 });
    assert.deepEqual([reply.cmd, reply.installationId, reply.service], [15, 'i', 1]);
    socket.close();
  });

  await step('queries find no temporary and no service conversations', async () => {
    assert.equal(await tom.client.getConversation('_tmp:0123456789abcdef'), null);
    assert.deepEqual(await tom.client.getServiceConversationQuery().find(), []);
  });
  await step('a conversation that does not exist is 4303, also where the command is not supported', async () => {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, 'butch');
    for (const cid of ['000000000000000000000000', '_tmp:0123456789abcdef']) {
      const update = await socket.request({ cmd: 1, op: 45, convMessage: { cid, attr: { data: '{"name":"x"}' } } });
      assert.equal(update.errorMessage.code, 4303);
    }
    const direct = await socket.request({ cmd: 2, directMessage: { cid: '_tmp:0123456789abcdef', msg: 'hi' } });
    assert.equal(direct.errorMessage.code, 4303);
    socket.close();
  });
});
