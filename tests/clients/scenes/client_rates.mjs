// A client that asks too often: no answer, or an error, as its app wants; other clients and other requests go on.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { ask, rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const tomsPhone = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry']);
  await jerry.inbox.next('invited');
  const onPhone = await tomsPhone.conversation(group.id);
  const ofJerry = await jerry.conversation(group.id);

  await ask('limit sends to 3, with an error');
  await step('beyond its allowance a client gets 4116, on all of its devices', async () => {
    for (const text of ['one', 'two']) await tom.send(group, text);
    await tomsPhone.send(onPhone, 'three');
    for (const text of ['one', 'two', 'three']) await jerry.nextMessage(text);
    // Both are awaited at once: a refusal that nothing waits for yet would end the scene.
    for (const error of await Promise.all([tom.send(group, 'four'), tomsPhone.send(onPhone, 'four')].map(rejection))) {
      assert.deepEqual([error.code, error.name], [4116, 'MESSAGE_SENT_QUOTA_EXCEEDED']);
      assert.match(error.detail, /client_sends_per_minute/);
    }
  });
  await step('what the SDK sends by itself does not count, nor what others do', async () => {
    await jerry.send(ofJerry, 'I can');
    await tom.nextMessage('I can');
    await ofJerry.read();
    assert.deepEqual(await tom.client.ping(['jerry']), ['jerry']);
    assert.deepEqual(await historyTexts(group), ['one', 'two', 'three', 'I can']);
  });

  await ask('limit sends to 2, silently');
  await step('a client without an answer goes on', async () => {
    for (const text of ['five', 'six']) await tom.send(group, text);
    let outcome = 'none';
    tom.send(group, 'eight').then(
      () => (outcome = 'acknowledged'),
      (error) => (outcome = error.message),
    );
    await jerry.send(ofJerry, 'still here?');
    await tom.nextMessage('still here?');
    assert.deepEqual(await historyTexts(group, 4), ['I can', 'five', 'six', 'still here?']);
    assert.equal(outcome, 'none');
  });
  await ask('limit nothing');
  await tom.send(group, 'nine');
  await jerry.nextMessage('nine');
});
