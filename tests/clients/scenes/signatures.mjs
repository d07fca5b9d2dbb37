// An app whose server must allow log-ins and changes of conversations.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';

import { Device } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { openRawSocket } from '../lib/raw_socket.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

const [sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const signed = (...parts) => {
    const [timestamp, nonce] = [Date.now(), 'n0nce'];
    const fill = (part) => (part === 't' ? timestamp : part === 'n' ? nonce : part);
    const text = [connection.app_id, ...parts].map(fill).join(':');
    return { signature: createHmac('sha1', connection.master_key).update(text).digest('hex'), timestamp, nonce };
  };
  const factories = {
    signatureFactory: (clientId) => signed(clientId, '', 't', 'n'),
    conversationSignatureFactory: (conversationId, clientId, members, action) =>
      action === 'create'
        ? signed(clientId, members.join(':'), 't', 'n')
        : signed(clientId, conversationId, members.join(':'), 't', 'n', action),
  };
  const logIn = async (clientId, options, url) => {
    const device = new Device(connection, { sdk, ...(url && { url }) });
    await device.login(clientId, undefined, options);
    return device;
  };
  const wrong = { signatureFactory: () => ({ signature: '00', timestamp: Date.now(), nonce: 'x' }) };

  await step('while it is off, whatever comes is ignored', async () => (await logIn('early', wrong)).logout());
  await ask('switch on');

  await step('a log-in without a signature, or with a wrong one, is refused', async () => {
    for (const options of [{}, wrong]) assert.equal((await rejection(logIn('tom', options))).code, 4102);
    const old = { signatureFactory: (clientId) => ({ ...signed(clientId, '', 't', 'n'), timestamp: 1_700_000_000 }) };
    assert.equal((await rejection(logIn('tom', old))).code, 4102);
  });
  const link = await openLink(connection.url);
  const tom = await step('a signed log-in passes', () => logIn('tom', factories, link.url));
  const jerry = await logIn('jerry', factories);
  const unsigned = await logIn('spike', { signatureFactory: factories.signatureFactory });

  const group = await step('signed changes of conversations pass', async () => {
    const created = await tom.createGroup(['jerry']);
    await created.add(['spike']);
    await created.remove(['spike']);
    return created;
  });
  await step('others are refused, except that a client may leave', async () => {
    assert.equal((await rejection(unsigned.createGroup(['tom']))).code, 4302);
    await group.add(['spike']);
    const ofSpike = await unsigned.conversation(group.id);
    assert.equal((await rejection(ofSpike.add(['butch']))).code, 4302);
    assert.equal((await rejection(ofSpike.remove(['jerry']))).code, 4302);
    await ofSpike.quit();
    assert.equal((await rejection(ofSpike.join())).code, 4302);
  });
  await step('a conversation that does not exist is said first', async () => {
    const socket = await openRawSocket(connection.url);
    const { signature, timestamp, nonce } = signed('butch', '', 't', 'n');
    const names = { appId: connection.app_id, peerId: 'butch' };
    assert.equal((await socket.open(names, { s: signature, t: timestamp, n: nonce })).errorMessage, null);
    const reply = await socket.request({ cmd: 1, op: 2, convMessage: { cid: '000000000000000000000000', m: ['butch'] } });
    assert.equal(reply.errorMessage.code, 4303);
    socket.close();
  });
  await step('a reconnect shows its token instead of a signature', async () => {
    const lost = tom.inbox.next('disconnect');
    link.cut();
    await lost;
    link.restore();
    await tom.inbox.next('reconnect', undefined, 20_000);
    await tom.send(group, 'back');
    await jerry.nextMessage('back');
  });
  await step('a reconnect without a token needs one', async () => {
    const socket = await openRawSocket(connection.url);
    const reply = await socket.open({ appId: connection.app_id, peerId: 'tom' }, { r: true });
    assert.equal(reply.errorMessage.code, 4102);
    socket.close();
  });
});
