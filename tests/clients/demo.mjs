// `make demo`: real clients chat while hooks rewrite, refuse and time out.
//
// Usage: node tests/clients/demo.mjs [--hookd target/debug/hookd] [--keep]

import { rm } from 'node:fs/promises';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { connect, historyTexts } from './lib/device.mjs';
import { startHookd } from './lib/hookd.mjs';
import { rejection } from './lib/scene.mjs';
import { OLD_SDK } from './lib/sdk.mjs';
import { Transcript } from './lib/transcript.mjs';

const WORKSPACE = fileURLToPath(new URL('../..', import.meta.url));
const TEAM_CHAT = 'examples-hooks/team-chat';
const AUDIT_LOG = 'examples-hooks/audit-log';
const ENDLESS_LOOP = 'tests/hostile-hooks/infinite-loop';

/** How long the chat waits for a hook in this demo; the default is 10 s. */
const HOOK_DEADLINE_MS = 500;
/** What a message may need beyond the hook's deadline. */
const ALLOWANCE_MS = 100;
/** Memory of `hookd up` after all this. */
const MEMORY_LIMIT_MEBIBYTES = 150;

const { values: options } = parseArgs({
  options: {
    hookd: { type: 'string', default: path.join(WORKSPACE, 'target/debug/hookd') },
    keep: { type: 'boolean', default: false },
  },
});

const transcript = new Transcript();
const { say, check } = { say: transcript.say.bind(transcript), check: transcript.check.bind(transcript) };

async function main() {
  const data = path.join(WORKSPACE, 'target/demo-data');
  await rm(data, { recursive: true, force: true });
  transcript.section('A server, two people, no hooks');
  const hookd = await startHookd(path.resolve(options.hookd), data);
  say(`hookd up            ${hookd.connection.url}`);
  process.on('exit', () => hookd.kill());

  const tom = await connect(hookd.connection, 'Tom');
  const jerry = await connect(hookd.connection, 'Jerry');
  say('Tom and Jerry log in, each on a socket of its own (leancloud-realtime 5.0.0-rc.8)');
  const chat = await tom.createGroup(['Jerry', 'Spike'], { name: 'Cartoon' });
  const people = { hookd, tom, jerry, chat };

  await transcript.scene('Without a hook, a message arrives as it was sent', () => passes(people, 'Holy crap!', 'Holy crap!'));
  await transcript.scene('(a) A hook rewrites a message', () => rewritten(people));
  await transcript.scene('(b) A hook drops a message', () => dropped(people));
  await transcript.scene('(c) A hook refuses a conversation of two', () => refusedConversation(people));
  await transcript.scene('(d) A hook that never ends', () => endlessHook(people));
  await transcript.scene('(e) A new version counts for the very next message', () => newVersion(people));
  await transcript.scene('(f) The history holds the rewritten text', () => rewrittenHistory(people));
  await transcript.scene('The older SDK, 4.3.1, beside the newest', () => olderSdk(people));
  await transcript.scene('Afterwards', () => afterwards(people));

  const code = transcript.verdict();
  if (options.keep) {
    console.log(`\nhookd goes on at ${hookd.connection.url}, data in ${data}; Ctrl-C stops it`);
    await hookd.ended();
  } else {
    await hookd.stop();
  }
  process.exit(code);
}

/** Builds a hook project and makes it live, as its developer would. */
async function release(hookd, project) {
  say(`hookd build ${project}`);
  const module = await hookd.build(path.join(WORKSPACE, project));
  await deploy(hookd, module);
  return module;
}

async function deploy(hookd, module) {
  const { version, functions } = await hookd.deploy(module);
  say(`hookd deploy --prod   version ${version} is live: ${functions.join(', ')}`);
}

/** Tom says something, and Jerry must get what is expected. */
async function passes({ tom, jerry, chat }, text, expected) {
  const start = performance.now();
  await tom.send(chat, text);
  say(`Tom   → ${text}`);
  const { text: received } = await jerry.nextMessage();
  check(`Jerry ← ${received}`, received === expected);
  return performance.now() - start;
}

/** Nothing of what came before this reached Jerry: messages of one conversation arrive in order. */
async function nothingArrived({ tom, jerry, chat }, marker) {
  await tom.send(chat, marker);
  const { text } = await jerry.nextMessage();
  check(`Jerry got nothing of it: the next thing that arrives is “${text}”`, text === marker);
}

async function rewritten(people) {
  const { hookd, tom } = people;
  people.teamChat = await release(hookd, TEAM_CHAT);
  await passes(people, 'Holy crap!', 'Holy **!');
  const { text } = await tom.inbox.next('messageupdate');
  check(`Tom is shown what became of it: ${text}`, text === 'Holy **!');
}

async function dropped(people) {
  const { tom, chat } = people;
  const text = 'Buy cheap watches now';
  say(`Tom   → ${text}`);
  const error = await rejection(tom.send(chat, text));
  check(`send() rejects: ${error.message} (${error.code}), appCode ${error.appCode}, “${error.detail}”`,
    error.code === 4402 && error.appCode === 9001 && error.detail === 'no advertising here');
  await nothingArrived(people, 'Good morning!');
}

async function refusedConversation({ tom }) {
  const error = await rejection(tom.createGroup(['Jerry']));
  check(`createConversation() rejects: ${error.message} (${error.code}), appCode ${error.appCode}, “${error.detail}”`,
    error.code === 4305 && error.appCode === 1234);
}

async function endlessHook(people) {
  const { hookd, tom, chat } = people;
  await hookd.command('settings', '--blocking-hook-timeout', `${HOOK_DEADLINE_MS}ms`, '--on-hook-failure', 'ignore');
  await release(hookd, ENDLESS_LOOP);
  say(`hookd settings --blocking-hook-timeout ${HOOK_DEADLINE_MS}ms --on-hook-failure ignore`);
  const took = await passes(people, 'Is anybody there?', 'Is anybody there?');
  check(`it took ${took.toFixed(0)} ms; the deadline is ${HOOK_DEADLINE_MS} ms, and ${ALLOWANCE_MS} ms more are allowed`,
    took >= HOOK_DEADLINE_MS && took <= HOOK_DEADLINE_MS + ALLOWANCE_MS);

  await hookd.command('settings', '--on-hook-failure', 'abort');
  say('hookd settings --on-hook-failure abort');
  say('Tom   → Still nobody?');
  const error = await rejection(tom.send(chat, 'Still nobody?'));
  check(`send() rejects: ${error.message} (${error.code}), “${error.detail}”`,
    error.code === 4200 && error.appCode == null && error.detail.startsWith('hook call failed'));
  await hookd.command('settings', '--on-hook-failure', 'ignore');
  await nothingArrived(people, 'Never mind.');
}

async function newVersion(people) {
  const { hookd } = people;
  await deploy(hookd, people.teamChat);
  await passes(people, 'crap, once more', '**, once more');
  await release(hookd, AUDIT_LOG);
  await passes(people, 'crap, once more', 'crap, once more');
}

async function rewrittenHistory({ jerry, chat }) {
  const texts = await historyTexts(await jerry.conversation(chat.id));
  for (const text of texts) say(`Jerry reads: ${text}`);
  check('the rewritten message is there as Jerry saw it', texts.includes('Holy **!'));
  check('the dropped message is not there', !texts.some((text) => text.includes('watches')));
}

async function olderSdk(people) {
  const { hookd, jerry } = people;
  await deploy(hookd, people.teamChat);
  const tom = await connect(hookd.connection, 'Tom', { sdk: OLD_SDK });
  const chat = await tom.createGroup(['Jerry', 'Tyke'], { name: 'Old and new' });
  say('Tom logs in with 4.3.1 (RTMServers: ws://…) and opens a chat with Jerry, who has 5.0.0-rc.8');
  await passes({ tom, jerry, chat }, 'Holy crap!', 'Holy **!');
  await jerry.send(await jerry.conversation(chat.id), 'Hello, old friend');
  say('Jerry → Hello, old friend');
  const { text } = await tom.nextMessage('Hello, old friend');
  check(`Tom   ← ${text}`, true);
  await tom.logout();
}

async function afterwards({ hookd, tom, jerry }) {
  await Promise.all([tom.logout(), jerry.logout()]);
  const mebibytes = await hookd.residentMebibytes();
  if (mebibytes === undefined) say('this system does not tell how much memory a process has');
  else check(`hookd up has ${mebibytes} MiB of memory resident (at most ${MEMORY_LIMIT_MEBIBYTES})`, mebibytes <= MEMORY_LIMIT_MEBIBYTES);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
