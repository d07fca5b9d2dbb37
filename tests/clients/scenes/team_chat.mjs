// The examples, combined in one module: a message is rewritten, another dropped, a conversation and a removal refused,
// and deliveries are logged.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { metricsText } from '../lib/metrics.mjs';
import { rejection, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await step('three are enough for a conversation', () =>
    tom.createGroup(['jerry', 'spike', 'staff-ann'], { name: 'team' }));

  await step('two are too few: the hook refuses', async () => {
    for (const unique of [false, true]) {
      const error = await rejection(tom.createGroup(['jerry'], { unique }));
      assert.equal(error.code, 4305);
      assert.equal(error.message, 'CONVERSATION_REJECTED_BY_APP');
      assert.equal(error.appCode, 1234);
      assert.equal(error.detail, 'a group needs at least three members');
    }
    const [only, ...others] = await tom.client.getQuery().containsMembers(['tom']).find();
    assert.equal(only.id, group.id);
    assert.deepEqual(others, []);
  });
  await step('a message is rewritten for its receivers', async () => {
    const sent = await tom.send(group, 'Holy crap!');
    const { message, text } = await jerry.nextMessage();
    assert.equal(text, 'Holy **!');
    assert.equal(message.id, sent.id);
  });
  await step('its sender sees what became of it', async () => {
    const { message, text, reason } = await tom.inbox.next('messageupdate');
    assert.equal(text, 'Holy **!');
    assert.equal(message.from, 'tom');
    assert.equal(reason, undefined, 'the hook gave no code, so the error has no reason');
  });
  await step('the history holds what was received', async () => {
    assert.deepEqual(await historyTexts(await jerry.conversation(group.id)), ['Holy **!']);
    assert.deepEqual(await historyTexts(group), ['Holy **!']);
  });
  await step('a message is dropped, with the code and the words of the hook', async () => {
    const error = await rejection(tom.send(group, 'cheap watches, anybody?'));
    assert.equal(error.code, 4402);
    assert.equal(error.message, 'MESSAGE_REJECTED_BY_APP');
    assert.equal(error.appCode, 9001);
    assert.equal(error.detail, 'no advertising here');
  });
  await step('no member gets it, and the history does not have it', async () => {
    await tom.send(group, 'something polite');
    assert.equal((await jerry.nextMessage()).text, 'something polite');
    assert.deepEqual(await historyTexts(group), ['Holy **!', 'something polite']);
  });
  await step('a binary message passes as it is', async () => {
    const bytes = [...Buffer.from('crap')];
    await tom.sendBinary(group, bytes);
    assert.deepEqual((await jerry.nextMessage()).text, bytes);
  });
  await step('rewritten messages keep their place among the others', async () => {
    const texts = Array.from({ length: 50 }, (_, number) => `${number % 3 === 0 ? 'crap' : 'fine'} ${number}`);
    const acknowledged = [];
    await Promise.all(texts.map((text, number) => tom.send(group, text).then(() => acknowledged.push(number))));
    assert.deepEqual(acknowledged, texts.map((_, number) => number));
    for (const text of texts) assert.equal((await jerry.nextMessage()).text, text.replace('crap', '**'));
  });
  await step('staff cannot be removed, not even among others', async () => {
    const error = await rejection(group.remove(['spike', 'staff-ann']));
    assert.equal(error.code, 4305);
    assert.equal(error.appCode, 1928);
    assert.equal(error.detail, 'staff-ann cannot be removed');
    assert.equal(await group.count(), 4);
  });
  await step('others can be removed', async () => {
    assert.deepEqual((await group.remove(['spike'])).successfulClientIds, ['spike']);
  });
  await step('staff can leave: the hook is not asked', async () => {
    const ann = await connect(connection, 'staff-ann');
    await (await ann.conversation(group.id)).quit();
    assert.equal(await group.count(), 2);
  });
  await step('every delivered message was logged by its hook, the dropped one was not', async () => {
    const delivered = 53;
    const metric = /^hookd_hook_calls_total\{(?=[^}]*hook="_messageSent")(?=[^}]*outcome="replied")[^}]*\} (\d+)$/m;
    const deadline = Date.now() + 5_000;
    let logged;
    do {
      assert.ok(Date.now() < deadline, `${logged} of ${delivered} messages were logged`);
      logged = Number(metric.exec(await metricsText(connection))?.[1]);
    } while (logged !== delivered);
  });
});
