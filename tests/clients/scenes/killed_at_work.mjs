// The server is killed while conversations are created, members added and removed, and messages sent, many at a time. What
// was carried out is asked for afterwards, acknowledged or not; the test checks the calls of the hooks.

import assert from 'node:assert/strict';

import { connect, wholeHistory } from '../lib/device.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

const AT_WORK = 40;
const KILL_AFTER_ACKNOWLEDGED = 200;

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const talk = await tom.createGroup(['jerry'], { name: 'talk' });
  const acknowledged = { started: [], added: [], removed: [], sent: [] };
  let dead = false;
  let kill;
  const count = (kind, id) => {
    acknowledged[kind].push(id);
    if (Object.values(acknowledged).flat().length === KILL_AFTER_ACKNOWLEDGED) kill();
  };
  // Each works until the server dies; what is sent into the void is given up by the SDK.
  const work = async (turn) => {
    while (!dead) await turn().catch(() => { dead = true; });
  };
  const change = async () => {
    const group = await tom.createGroup(['jerry', 'spike']);
    count('started', group.id);
    await group.add(['tyke']);
    count('added', group.id);
    await group.remove(['spike']);
    count('removed', group.id);
  };
  const say = async () => count('sent', (await tom.send(talk, 'hi')).id);

  await step('the server is killed while tom is at work', async () => {
    const time = new Promise((resolve) => { kill = resolve; });
    for (let number = 0; number < AT_WORK; number += 1) {
      work(change);
      work(say);
    }
    await time;
    await ask('kill');
    dead = true;
    await tom.inbox.next('disconnect');
  });
  await step('the server starts again', () => ask('start'));

  const found = await step('a new client looks at what was done', async () => {
    const reader = await connect(connection, 'jerry');
    const all = await reader.client.getQuery().limit(1000).find();
    const changed = all.filter(({ id }) => id !== talk.id);
    const ids = (wanted) => changed.filter(({ members }) => wanted(members)).map(({ id }) => id);
    return {
      started: ids(() => true),
      added: ids((members) => members.includes('tyke')),
      removed: ids((members) => !members.includes('spike')),
      sent: (await wholeHistory(await reader.conversation(talk.id))).map(({ id }) => id),
    };
  });
  await step('what was acknowledged was done', () => {
    for (const [kind, ids] of Object.entries(acknowledged)) {
      for (const id of ids) assert.ok(found[kind].includes(id), `${kind} ${id} was acknowledged and is lost`);
    }
  });
  report({ acknowledged: Object.values(acknowledged).flat().length, ...found });
});
