// A connection is lost without a word; the SDK reconnects and learns what it missed.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { openLink } from '../lib/link.mjs';
import { scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const link = await openLink(connection.url);
  const jerry = await connect(connection, 'jerry', { url: link.url });
  const known = await tom.createGroup(['jerry'], { name: 'known' });
  await jerry.inbox.next('invited', (event) => event.conversationId === known.id);
  await tom.send(known, 'before');
  await jerry.nextMessage('before');

  await step('the link is cut', async () => {
    link.cut();
    await jerry.inbox.next('disconnect');
  });
  await step('the server notices at once', async () => {
    const deadline = Date.now() + 5_000;
    while ((await tom.client.ping(['jerry'])).length > 0) {
      assert.ok(Date.now() < deadline, 'jerry is still online for the server');
    }
  });
  const missed = await step('events happen meanwhile', async () => {
    const created = await tom.createGroup(['jerry'], { name: 'missed' });
    await tom.send(known, 'meanwhile');
    return created;
  });
  await step('the link is back, and the SDK with it', async () => {
    link.restore();
    await jerry.inbox.next('reconnect', undefined, 20_000);
    assert.deepEqual(await tom.client.ping(['jerry']), ['jerry']);
  });
  await step('jerry learns of the conversation that began meanwhile', async () => {
    const event = await jerry.inbox.next('invited', ({ conversationId }) => conversationId === missed.id);
    assert.equal(event.by, 'tom');
  });
  await step('and reads the message that came meanwhile', async () => {
    assert.deepEqual(await historyTexts(await jerry.conversation(known.id)), ['before', 'meanwhile']);
  });
  await step('and both go on', async () => {
    await tom.send(missed, 'are you back?');
    await jerry.nextMessage('are you back?');
    await jerry.send(await jerry.conversation(missed.id), 'yes');
    await tom.nextMessage('yes');
  });
});
