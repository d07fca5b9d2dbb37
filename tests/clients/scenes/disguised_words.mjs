// A word that a filter looks for, in every disguise that the official client takes off again. F-19.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'disguises' });
  // A message of the SDK whose text on the wire is what it is given.
  const send = (content) => group.send(new tom.sdk.Message(content));

  for (const content of [
    '{"_lctype":-1,"_lctext":"Holy cr\\u0061p!"}',
    '{"_lctype":-1,"_lctext":"Holy cr\\u0061p! \\ud83d"}',
    '{"_lctype":-1,"_lctext":"fine","_lctext":"Holy cr\\u0061p!"}',
    '{"_lctype":-1,"_lctext":"Holy cr\\u0061p!","n":1e400}',
  ]) {
    await step(`${content} is filtered`, async () => {
      await send(content);
      const { text } = await jerry.nextMessage();
      assert.ok(text.startsWith('Holy **!'), text);
    });
  }
  for (const content of [
    '{_lctype:-1,_lctext:"Holy cr\\u0061p!"}',
    `{"_lctype":-1,"_lctext":"Holy cr\\u0061p!","a":${'['.repeat(900)}${']'.repeat(900)}}`,
  ]) {
    await step(`${content.slice(0, 50)} is refused`, async () => {
      const error = await rejection(send(content));
      assert.deepEqual([error.code, error.appCode], [4402, 9002]);
    });
  }
  await step('an attribute is filtered too', async () => {
    await group.send(new tom.sdk.TextMessage('fine').setAttributes({ title: 'Holy crap!' }));
    const { message } = await jerry.nextMessage('fine');
    assert.equal(message.getAttributes().title, 'Holy **!');
  });
});
