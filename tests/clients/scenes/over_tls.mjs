// Clients that reach the server over TLS, at the address of the first argument, with the SDK of the second one.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { scene, step } from '../lib/scene.mjs';

const [url, sdk] = process.argv.slice(2);

await scene(async (connection) => {
  const tom = await step('tom logs in', () => connect(connection, 'tom', { sdk, url }));
  const jerry = await step('jerry logs in over base64 frames', () =>
    connect(connection, 'jerry', { sdk, url, base64: true }),
  );
  const group = await tom.createGroup(['jerry']);
  await jerry.inbox.next('invited');
  await step('messages go both ways', async () => {
    await tom.send(group, 'hi');
    await jerry.nextMessage('hi');
    await jerry.send(await jerry.conversation(group.id), 'hi tom');
    await tom.nextMessage('hi tom');
    assert.deepEqual(await historyTexts(group), ['hi', 'hi tom']);
  });
  await step('HTTP requests of the SDK go the same way', async () => {
    const origin = url.replace(/^ws/, 'http');
    const headers = { 'X-LC-Id': connection.app_id, 'X-LC-Key': connection.app_key };
    const route = await fetch(`${origin}/v1/route?appId=${connection.app_id}`, { headers });
    assert.equal(new URL((await route.json()).server).protocol, 'wss:');
  });
});
