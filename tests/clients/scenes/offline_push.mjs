// Pushes for offline clients: what the gateway gets, and what `_receiversOffline` makes of it.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';

import { connect } from '../lib/device.mjs';
import { ask, scene, step } from '../lib/scene.mjs';
import { bodyOf, listening, openScriptedEngine } from '../lib/scripted_engine.mjs';

await scene(async (connection) => {
  const gateway = await openGateway(connection);
  const engine = await openScriptedEngine();
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const spike = await connect(connection, 'spike');
  const group = await tom.createGroup(['jerry', 'spike']);
  for (const device of [jerry, spike]) await device.inbox.next('invited');
  await (await spike.conversation(group.id)).mute();
  await jerry.logout();
  await spike.logout();

  await step('without a gateway nothing happens', () => tom.send(group, 'unheard'));
  await ask('push to', gateway.url);
  await step('the content of the app goes to those who did not mute', async () => {
    await tom.send(group, 'hi');
    const { body, headers } = await gateway.next();
    assert.deepEqual(body, {
      channels: ['jerry'],
      data: { alert: `tom wrote in ${group.id}`, badge: 'Increment' },
      prod: 'prod',
      expiration_interval: 604800,
    });
    assert.equal(headers['x-lc-id'], connection.app_id);
  });
  await step('the payload of the message goes before it', async () => {
    await tom.send(group, 'hi', { pushData: { alert: 'from tom', _profile: 'dev' } });
    const { body } = await gateway.next();
    assert.deepEqual([body.data.alert, body.prod], ['from tom', 'dev']);
  });
  await step('a push that the gateway refuses comes again, with its number', async () => {
    gateway.refuses = 1;
    await tom.send(group, 'hi');
    const [first, second] = [await gateway.next(), await gateway.next()];
    assert.equal(first.headers['x-hookd-push'], second.headers['x-hookd-push']);
    assert.deepEqual(first.body, second.body);
  });
  await step('transient messages are not pushed', async () => {
    await tom.send(group, 'hi', { transient: true, pushData: { alert: 'transient' } });
  });

  engine.replies.set('_receiversOffline', {});
  await ask('hooks at', engine.url);
  await step('_receiversOffline gets exactly its params', async () => {
    const message = new tom.sdk.TextMessage('hello @spike').setMentionList(['spike', 'tom']);
    await group.send(message);
    await gateway.next();
    const { content, ...params } = await engine.next('_receiversOffline');
    assert.deepEqual(JSON.parse(content), { _lctype: -1, _lctext: 'hello @spike' });
    assert.deepEqual(params, {
      fromPeer: 'tom',
      convId: group.id,
      offlinePeers: ['jerry', 'spike'],
      timestamp: Number(message.timestamp),
      mentionAll: false,
      mentionOfflinePeers: ['spike'],
    });
  });
  const table = [
    [{ skip: true }, undefined],
    [{ offlinePeers: ['butch'] }, [['butch'], 'data']],
    [{ force: true }, [['jerry', 'spike'], 'data']],
    [{ pushMessage: { alert: 'hook' } }, [['jerry'], 'hook']],
    [{ pushMessage: '{"alert":"hook"}' }, [['jerry'], 'hook']],
  ];
  for (const [reply, expected] of table) {
    await step(`${JSON.stringify(reply)} is obeyed`, async () => {
      engine.replies.set('_receiversOffline', reply);
      await tom.send(group, 'hi', { pushData: { alert: 'data' } });
      await engine.next('_receiversOffline');
      if (expected === undefined) {
        // The next push is that of the next message.
        engine.replies.set('_receiversOffline', {});
        await tom.send(group, 'hi', { pushData: { alert: 'next' } });
        await engine.next('_receiversOffline');
        assert.equal((await gateway.next()).body.data.alert, 'next');
        return;
      }
      const { body } = await gateway.next();
      assert.deepEqual([body.channels, body.data.alert], expected);
    });
  }
});

/** A gateway that checks the signature of what it gets. */
async function openGateway({ hook_key: hookKey }) {
  const [pushes, waiting] = [[], []];
  const gateway = {
    refuses: 0,
    next: () => (pushes.length > 0 ? Promise.resolve(pushes.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
  const server = createServer(async (request, response) => {
    const text = await bodyOf(request);
    const { headers } = request;
    const expected = createHmac('sha256', hookKey).update(`${headers['x-hookd-timestamp']}.${text}`).digest('hex');
    assert.equal(headers['x-hookd-signature'], expected);
    assert.equal(request.method, 'POST');
    response.statusCode = gateway.refuses > 0 ? 503 : 204;
    gateway.refuses = Math.max(0, gateway.refuses - 1);
    response.end();
    const push = { headers, body: JSON.parse(text) };
    if (waiting.length > 0) waiting.shift()(push);
    else pushes.push(push);
  });
  gateway.url = `${await listening(server)}/push`;
  return gateway;
}
