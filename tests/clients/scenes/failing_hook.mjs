// `_messageReceived` of a module fails at every call. With `ignore` messages pass as they are, and are counted; with
// `abort` the sender gets an error and no member gets the message.
//
// Arguments: the name of the module, and the hook's deadline in ms (500 without it).

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { metricsText } from '../lib/metrics.mjs';
import { ask, rejection, report, scene, step } from '../lib/scene.mjs';

await scene(async (connection) => {
  const [, , module, deadlineMs = '500'] = process.argv;
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry'], { name: 'failing hook' });
  await ask('settings', `--blocking-hook-timeout ${deadlineMs}ms --on-hook-failure ignore`);
  await ask('deploy', module);

  await step('with `ignore` the message arrives as it was sent', async () => {
    const start = performance.now();
    await tom.send(group, 'crap, let through');
    await jerry.nextMessage('crap, let through');
    report({ let_through_ms: performance.now() - start });
  });
  await step('and is counted', async () => {
    const metrics = await metricsText(connection);
    const counted = /^hookd_hook_let_through_total\{(.*)\} 1$/m.exec(metrics);
    assert.ok(counted, `no message was counted as let through:\n${metrics}`);
    assert.match(counted[1], /hook="_messageReceived"/);
    report({ cause: /cause="(\w+)"/.exec(counted[1])?.[1] });
  });
  await step('with `abort` the sender gets an error', async () => {
    await ask('settings', '--on-hook-failure abort');
    const error = await rejection(tom.send(group, 'stopped'));
    assert.equal(error.code, 4200);
    assert.equal(error.message, 'INTERNAL_ERROR');
    assert.match(error.detail, /^hook call failed/);
    assert.equal(error.appCode ?? undefined, undefined);
  });
  await step('and no member gets the message', async () => {
    await ask('settings', '--on-hook-failure ignore');
    await tom.send(group, 'next');
    assert.equal((await jerry.inbox.next('message')).text, 'next');
    const texts = (await group.queryMessages({ limit: 10 })).map((message) => message.text);
    assert.deepEqual(texts, ['crap, let through', 'next']);
  });
});
