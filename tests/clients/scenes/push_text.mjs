// The examples with the text of a push: what the gateway gets for an offline receiver.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';

import { connect } from '../lib/device.mjs';
import { Inbox } from '../lib/inbox.mjs';
import { ask, scene, step } from '../lib/scene.mjs';
import { bodyOf, listening } from '../lib/scripted_engine.mjs';

await scene(async (connection) => {
  const pushes = new Inbox('the gateway');
  const gateway = createServer(async (request, response) => {
    pushes.file({ kind: 'push', push: JSON.parse(await bodyOf(request)) });
    response.writeHead(204).end();
  });
  await ask('settings', `--push-gateway ${await listening(gateway)}/push`);
  const tom = await connect(connection, 'tom');
  const group = await tom.createGroup(['jerry', 'spike']);
  const isPushed = async (alert, prod) => {
    const { push } = await pushes.next('push');
    assert.deepEqual([push.channels.sort(), push.data, push.prod], [
      ['jerry', 'spike'],
      { alert, badge: 'Increment', sound: 'default', _profile: prod },
      prod,
    ]);
  };

  await step('a short text is shown as it is', async () => {
    await tom.send(group, 'hello');
    await isPushed('tom: hello', 'prod');
  });
  await step('a long one is cut', async () => {
    await tom.send(group, 'Shall we meet at the station?');
    await isPushed('tom: Shall we meet at th…', 'prod');
  });
  await step('for messages without a text their kind stands', async () => {
    await group.send(new tom.sdk.Message('{"_lctype":-2,"_lcfile":{"url":"https://files.example.com/1.png"}}'));
    await isPushed('tom: [image]', 'prod');
  });
  await step('a variable chooses the certificate', async () => {
    await ask('variable', 'PUSH_PROFILE=dev');
    await tom.send(group, 'hello');
    await isPushed('tom: hello', 'dev');
  });
});
