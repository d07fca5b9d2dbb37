// Blocking hook × cause of failure × policy, the policy said of the app, of a hook, of a cause, of both: what the client is
// gets, what the receiver sees, what the store keeps, and what is counted.
//
// The module of the server fails as the words of a request say: `<hook>/<cause>`.

import assert from 'node:assert/strict';

import { connect, historyTexts } from '../lib/device.mjs';
import { occupyTheOnlyPlace } from '../lib/engine.mjs';
import { samples } from '../lib/metrics.mjs';
import { ask, rejection, report, scene, step } from '../lib/scene.mjs';

/** Deeds of the module; limits; an address where no server answers. */
const SURROUNDINGS = [
  { causes: ['failed', 'timeout', 'trap', 'out_of_memory', 'bad_reply'], settings: '' },
  { causes: ['overloaded'], settings: '--limit concurrency=1 --limit queue=0', prepare: occupyTheOnlyPlace },
  { causes: ['unavailable'], settings: '--limit concurrency=64 --limit queue=1024 --engine-url http://127.0.0.1:1' },
];
const CAUSES = SURROUNDINGS.flatMap(({ causes }) => causes);

const NARROWED = {
  name: '`ignore`, with exceptions',
  app: 'ignore',
  exceptions: {
    _messageReceived: 'abort',
    '_messageReceived:timeout': 'ignore',
    '_messageReceived:overloaded': 'ignore',
    ':trap': 'abort',
    ':unavailable': 'abort',
    '_conversationStart:trap': 'ignore',
    '_conversationAdd:bad_reply': 'abort',
    _conversationRemove: 'ignore',
  },
  // In the order of the causes: failed, timeout, trap, out_of_memory, bad_reply, overloaded, unavailable.
  table: {
    _messageReceived: 'abort ignore abort abort abort ignore abort',
    _conversationStart: 'ignore ignore ignore ignore ignore ignore abort',
    _conversationAdd: 'ignore ignore abort ignore abort ignore abort',
    _conversationRemove: 'ignore ignore ignore ignore ignore ignore ignore',
  },
};

const POLICIES = [everywhere('ignore'), everywhere('abort'), NARROWED, opposite(NARROWED)];

/** How each hook is made to be asked, and how the others learn of what it let through. */
const REQUESTS = {
  _messageReceived: {
    code: 4200,
    error: 'INTERNAL_ERROR',
    event: 'message',
    ask: ({ tom, group }, words) => tom.send(group, words),
    isAbout: (event, words) => event.text === words,
    happened: ({ texts }, words) => texts.includes(words),
  },
  _conversationStart: {
    code: 4300,
    error: 'CONVERSATION_INTERNAL_ERROR',
    event: 'invited',
    ask: ({ tom }, words) => tom.createGroup(['jerry'], { name: words }),
    isAbout: (event, words, created) => event.conversationId === created.id,
    happened: ({ names }, words) => names.includes(words),
  },
  _conversationAdd: {
    code: 4300,
    error: 'CONVERSATION_INTERNAL_ERROR',
    event: 'membersjoined',
    ask: ({ group }, words) => group.add([words]),
    isAbout: (event, words) => event.members.includes(words),
    happened: ({ members }, words) => members.includes(words),
  },
  _conversationRemove: {
    code: 4300,
    error: 'CONVERSATION_INTERNAL_ERROR',
    event: 'membersleft',
    ask: ({ group }, words) => group.remove([words]),
    isAbout: (event, words) => event.members.includes(words),
    happened: ({ members }, words) => !members.includes(words),
  },
};

function everywhere(policy) {
  const row = CAUSES.map(() => policy).join(' ');
  const table = Object.fromEntries(Object.keys(NARROWED.table).map((hook) => [hook, row]));
  return { name: `\`${policy}\``, app: policy, exceptions: {}, table };
}

function opposite({ app, exceptions, table }) {
  const turn = (text) => text.replaceAll(/ignore|abort/g, (word) => (word === 'ignore' ? 'abort' : 'ignore'));
  const turned = (map) => Object.fromEntries(Object.entries(map).map(([key, value]) => [key, turn(value)]));
  return { name: '`abort`, with exceptions', app: turn(app), exceptions: turned(exceptions), table: turned(table) };
}

/** Failures of these hooks counted so far, by what became of the request, hook and cause. */
async function failures(connection) {
  const isMeant = ({ name, labels }) => /^hookd_hook_(let_through|aborted)_total$/.test(name) && labels.hook in REQUESTS;
  const counted = (await samples(connection)).filter(isMeant);
  return new Map(counted.map(({ name, labels, value }) => [`${name} ${labels.hook} ${labels.cause}`, value]));
}

/** One request whose hook fails: what the client gets, what the receiver sees, what is counted. */
async function fail(world, { hook, cause, policy, words }) {
  const request = REQUESTS[hook];
  const where = `${hook} × ${cause} × ${policy}`;
  const before = await failures(world.connection);
  if (policy === 'ignore') {
    const done = await request.ask(world, words);
    await world.jerry.inbox.next(request.event, (event) => request.isAbout(event, words, done));
  } else {
    const error = await rejection(request.ask(world, words));
    assert.deepEqual([error.code, error.message], [request.code, request.error], where);
    assert.ok(error.detail.startsWith(`hook call failed: \`${hook}\`: ${cause}: `), `${where}: ${error.detail}`);
    assert.equal(error.appCode ?? undefined, undefined, where);
  }
  const after = [...(await failures(world.connection))];
  const grown = after.map(([key, value]) => [key, value - (before.get(key) ?? 0)]).filter(([, more]) => more !== 0);
  const counter = policy === 'ignore' ? 'hookd_hook_let_through_total' : 'hookd_hook_aborted_total';
  assert.deepEqual(grown, [[`${counter} ${hook} ${cause}`, 1]], where);
}

/** Of the stopped requests nothing was stored or delivered. */
async function checkTraces({ tom, jerry, group }, rows) {
  await tom.send(group, 'the end');
  await jerry.nextMessage('the end');
  const conversations = await tom.client.getQuery().containsMembers(['tom']).limit(1_000).find();
  const stored = {
    texts: await historyTexts(group),
    members: (await (await tom.conversation(group.id)).fetch()).members,
    names: conversations.map(({ name }) => name),
  };
  for (const { hook, policy, words } of rows) {
    assert.equal(REQUESTS[hook].happened(stored, words), policy === 'ignore', `${words} under \`${policy}\``);
  }
  const known = new Set(conversations.map(({ id }) => id));
  const stopped = rows.filter(({ policy }) => policy === 'abort');
  for (const event of jerry.inbox.takeAll()) {
    // Unread counts come of several conversations at once.
    const conversationIds = event.conversationId ? [event.conversationId] : event.payload.map(({ id }) => id);
    const exist = conversationIds.every((id) => known.has(id));
    assert.ok(exist, `jerry got an event of a conversation that does not exist: ${event.kind}`);
    const told = stopped.find(({ hook, words }) =>
      event.kind === REQUESTS[hook].event && (event.text === words || event.members?.includes(words)));
    assert.equal(told, undefined, 'jerry got an event of a request that was stopped');
  }
}

await scene(async (connection) => {
  const tom = await connect(connection, 'tom');
  const jerry = await connect(connection, 'jerry');
  await ask('settings', '--blocking-hook-timeout 1s --hook-breaker-failures 0 --limit memory_bytes=8MiB --max-limit cpu_time_ms=15s --limit cpu_time_ms=15s');
  let count = 0;

  for (const [number, { name, app, exceptions, table }] of POLICIES.entries()) {
    const rows = Object.entries(table).flatMap(([hook, policies]) =>
      policies.split(' ').map((policy, column) => {
        const cause = CAUSES[column];
        return { hook, cause, policy, words: `${hook}/${cause}/${number}` };
      }));
    const toRemove = rows.filter(({ hook }) => hook === '_conversationRemove').map(({ words }) => words);
    const group = await tom.createGroup(['jerry', ...toRemove], { name });
    const world = { connection, tom, jerry, group };
    await ask('settings', [`--on-hook-failure ${app}`, ...Object.entries(exceptions).map(said)].join(' '));

    for (const { causes, settings, prepare } of SURROUNDINGS) {
      await step(`${name}: ${causes.join(', ')}`, async () => {
        if (settings) await ask('settings', settings);
        const undo = await prepare?.(connection);
        for (const row of rows.filter(({ cause }) => causes.includes(cause))) {
          await fail(world, row);
          count += 1;
        }
        await undo?.();
      });
    }
    await step(`${name}: what was stopped left no trace`, async () => {
      const taken = Object.keys(exceptions).map((scope) => said([scope, 'default']));
      await ask('settings', ['--engine-url none --on-hook-failure ignore', ...taken].join(' '));
      await checkTraces(world, rows);
    });
  }
  report({ rows: count });
});

function said([scope, policy]) {
  return `--hook-policy ${scope}=${policy}`;
}
