// Clients come and go, send, query and receive, while the test causes failures. At the end every message that was
// acknowledged is in the history, once, and in its sender's order; clients that stayed online saw no other order.
//
// Argument: seconds of trouble. Expects a queue in Redis, an engine of its own and `every-cause` in production.

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import { connect, Device, wholeHistory } from '../lib/device.mjs';
import { ask, report, scene, step } from '../lib/scene.mjs';

const SECONDS = Number(process.argv[2]);
const TALKS = 4;
const SENDERS_PER_TALK = 2;
/** A sender that was refused comes again after this. */
const AFTER_REFUSAL_MS = 50;
/** Messages of one stay; then the client logs out, and comes back. */
const MESSAGES_PER_STAY = 15;
/** How long one trouble lasts, and the pause after it. */
const TROUBLE_MS = 3_000;
const CALM_MS = 1_000;
/** When all trouble is over, the service is itself again within this. */
const RECOVERY_MS = 30_000;

/** What a message makes the hook do; most make it do nothing. */
const TEXTS = ['fine', 'fine', '_messageReceived/trap', 'fine', '_messageReceived/failed', '_messageReceived/bad_reply'];

/** Each is asked for, lasts a while, and is taken back. */
const TROUBLES = [
  ['kill-engine', 'start-engine'],
  ['freeze-redis', 'thaw-redis'],
  ['stall-log', 'read-log'],
  ['freeze-engine', 'thaw-engine'],
  ['fill-disk', 'free-disk'],
  ['kill-redis', 'start-redis'],
];
const MODULES = ['word-filter', 'online-status', 'audit-log', 'every-cause'];

await scene(async (connection) => {
  const end = Date.now() + SECONDS * 1_000;
  const counts = { acknowledged: 0, refused: 0, stays: 0, queries: 0, pushed: 0, deployed: 0, deploysRefused: 0, troubles: 0 };
  const founder = await connect(connection, 'founder');
  const talks = [];
  for (let number = 0; number < TALKS; number += 1) {
    const members = Array.from({ length: SENDERS_PER_TALK }, (_, sender) => `sender-${number}-${sender}`);
    talks.push({ id: (await founder.createGroup([...members, `reader-${number}`], { name: `talk ${number}` })).id, members });
  }
  await founder.logout();
  const sent = new Map();
  const again = (error) => {
    counts.refused += 1;
    return pause(AFTER_REFUSAL_MS, error);
  };

  /** Sends in turn, so that the order of its messages is known. */
  const sender = async (talk, name) => {
    const mine = [];
    sent.set(`${talk.id} ${name}`, mine);
    // One for all stays: each copy of the SDK takes megabytes, and log-ins are refused many times.
    const device = new Device(connection);
    for (let number = 0; Date.now() < end; ) {
      if ((await device.login(name).catch(again)) instanceof Error) continue;
      counts.stays += 1;
      const conversation = await device.conversation(talk.id).catch(again);
      for (let left = MESSAGES_PER_STAY; left > 0 && Date.now() < end && conversation?.send; left -= 1) {
        const text = `${name} ${number} ${TEXTS[number % TEXTS.length]}`;
        number += 1;
        await device.send(conversation, text).then(
          (message) => {
            counts.acknowledged += 1;
            mine.push({ id: message.id, text });
          },
          again,
        );
        if (number % 7 === 0) {
          counts.queries += 1;
          await conversation.queryMessages({ limit: 20 }).catch(again);
        }
      }
      await device.logout().catch(again);
    }
  };

  // The SDK shows messages of a conversation that it does not know yet in the order of its own queries.
  for (const [number, talk] of talks.entries()) {
    talk.reader = await connect(connection, `reader-${number}`);
    await talk.reader.conversation(talk.id);
  }

  /** Stays online, and receives. */
  const reader = async (talk) => {
    const device = talk.reader;
    while (Date.now() < end) {
      await device.inbox.next('message', undefined, 5_000).then(
        ({ message }) => {
          counts.pushed += 1;
          (talk.pushed ??= []).push(message.id);
        },
        () => {},
      );
    }
  };

  const trouble = async () => {
    for (let round = 0; Date.now() < end; round += 1) {
      const [begin, takeBack] = TROUBLES[round % TROUBLES.length];
      await ask(begin);
      counts.troubles += 1;
      await pause(TROUBLE_MS);
      // The command would wait for a frozen engine, and no command would thaw it meanwhile.
      if (begin !== 'freeze-engine') {
        counts[(await ask('try to deploy', MODULES[round % MODULES.length])) ? 'deployed' : 'deploysRefused'] += 1;
      }
      await ask(takeBack);
      await pause(CALM_MS);
      counts[(await ask('try to deploy', 'every-cause')) ? 'deployed' : 'deploysRefused'] += 1;
    }
  };

  await step('clients come and go through all trouble', () =>
    Promise.all([
      trouble(),
      ...talks.flatMap((talk) => [
        reader(talk),
        ...talk.members.map((name) => sender(talk, name)),
      ]),
    ]),
  );
  for (const talk of talks) await talk.reader.logout();

  const last = await step('all of it is itself again', async () => {
    const deadline = Date.now() + RECOVERY_MS;
    for (;;) {
      const device = await connect(connection, talks[0].members[0]).catch(again);
      const conversation = await device?.conversation?.(talks[0].id).catch(again);
      const message = await conversation?.send?.(new device.sdk.TextMessage(`the last one ${Date.now()}`)).catch(again);
      if (message?.id) {
        await device.logout();
        return message.id;
      }
      assert.ok(Date.now() < deadline, 'messages are still refused');
    }
  });

  await step('the history has every acknowledged message, once, in order', async () => {
    for (const [number, talk] of talks.entries()) {
      const device = await connect(connection, `reader-${number}`);
      const history = (await wholeHistory(await device.conversation(talk.id))).map(({ id, from, text }) => ({ id, from, text }));
      const ids = history.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'a message is there twice');
      assert.equal(new Set(history.map(({ text }) => text)).size, ids.length, 'a text is there twice');
      const position = new Map(ids.map((id, index) => [id, index]));
      for (const name of talk.members) {
        let before = -1;
        for (const { id, text } of sent.get(`${talk.id} ${name}`)) {
          const at = position.get(id);
          assert.notEqual(at, undefined, `\`${text}\` was acknowledged and is lost`);
          assert.equal(history[at].text, text);
          assert.ok(at > before, `\`${text}\` is out of order`);
          before = at;
        }
      }
      const pushed = (talk.pushed ?? []).map((id) => position.get(id));
      assert.ok(!pushed.includes(undefined), 'a message was pushed that is not in the history');
      assert.deepEqual(pushed, [...new Set(pushed)].sort((a, b) => a - b), 'pushed in another order than that of the history');
      if (number === 0) assert.ok(position.has(last));
      counts[`history ${number}`] = ids.length;
      await device.logout();
    }
  });
  report(counts);
}, (SECONDS + 120) * 1_000);
