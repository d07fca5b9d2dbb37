// The examples with an audit log: a line for each delivered message, without its text.

import assert from 'node:assert/strict';

import { connect } from '../lib/device.mjs';
import { ask, scene, step } from '../lib/scene.mjs';

/** Notification hooks run after the operation; they take milliseconds. */
const HOOK_DEADLINE_MS = 5_000;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  await connect(connection, 'jerry');
  const group = await tom.createGroup(['jerry', 'spike']);
  await step('a delivered message is logged, its text is not', async () => {
    const sent = await tom.send(group, 'nobody else reads this');
    const line = `message ${sent.id} from tom in ${group.id}: 1 online, 1 offline`;
    const deadline = Date.now() + HOOK_DEADLINE_MS;
    let log;
    do log = await ask('logs');
    while (!log.includes(line) && Date.now() < deadline);
    assert.ok(log.includes(line), log);
    assert.ok(!log.includes('nobody else'), log);
  });
});
