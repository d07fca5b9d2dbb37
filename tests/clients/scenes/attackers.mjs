// Clients of one app that cost as much as they can, until the standard input ends: queries of many patterns, sorted queries
// over large attributes, long ids and tokens, and sockets that ask and read nothing. Reports how often each was tried.

import { createInterface } from 'node:readline';

import { CommandType, openRawSocket, OpType } from '../lib/raw_socket.mjs';
import { report, scene } from '../lib/scene.mjs';

const CONVERSATIONS = 2_000;
const LARGE_CONVERSATIONS = 200;
const QUERIES_AT_ONCE = 64;
const SORTING_SOCKETS = 4;
const DEAF_SOCKETS = 6;
/** How long a scene of attackers may take, set-up included. */
const DEADLINE_MS = 300_000;

const patterns = Array.from({ length: 200 }, (_, number) => ({
  name: { $regex: `(a|A)*${number}z$`, $options: 'i' },
}));

await scene(async (connection) => {
  let isOver = false;
  createInterface({ input: process.stdin }).on('close', () => (isOver = true));
  const counts = { patterns: 0, sorted: 0, longIds: 0, deaf: 0 };

  async function enter(name) {
    const socket = await openRawSocket(connection.url);
    await socket.login(connection.app_id, name);
    return socket;
  }
  const create = (socket, attributes) =>
    socket.request({
      cmd: CommandType.conv,
      op: OpType.start,
      convMessage: { m: ['mallory'], unique: false, attr: { data: JSON.stringify(attributes) } },
    });
  const query = (socket, convMessage) => socket.request({ cmd: CommandType.conv, op: OpType.query, convMessage });
  const where = (filter) => ({ where: { data: JSON.stringify(filter) } });

  /** Repeats an attack on a socket; one that the server closed is opened again. */
  async function insist(name, attack) {
    while (!isOver) {
      try {
        const socket = await enter(name);
        while (!isOver) await attack(socket);
        socket.close();
      } catch {
        // Refused or closed: what an attacker does next is to try again.
      }
    }
  }

  const founder = await enter('mallory');
  for (let made = 0; made < CONVERSATIONS; made += 50) {
    await Promise.all(Array.from({ length: 50 }, (_, number) => create(founder, { name: `room ${made + number} ${'aA'.repeat(40)}` })));
  }
  for (let made = 0; made < LARGE_CONVERSATIONS; made += 10) {
    await Promise.all(Array.from({ length: 10 }, () => create(founder, { large: 'x'.repeat(60_000) })));
  }
  report({ ready: true });

  await Promise.all([
    insist('of-patterns', async (socket) => {
      await Promise.all(Array.from({ length: QUERIES_AT_ONCE }, () => query(socket, where({ $or: patterns }))));
      counts.patterns += QUERIES_AT_ONCE;
    }),
    ...Array.from({ length: SORTING_SOCKETS }, (_, number) =>
      insist(`sorting-${number}`, async (socket) => {
        await query(socket, { ...where({}), sort: '-large', limit: 1 });
        counts.sorted += 1;
      }),
    ),
    insist('of-long-ids', async (socket) => {
      counts.longIds += 1;
      await socket.request({
        cmd: CommandType.direct,
        directMessage: { cid: 'c'.repeat(60_000), msg: 'x', dt: 'd'.repeat(58_000) },
      });
    }),
    ...Array.from({ length: DEAF_SOCKETS }, (_, number) =>
      insist(`deaf-${number}`, async (socket) => {
        socket.stopReading();
        const asked = Array.from({ length: QUERIES_AT_ONCE }, () => query(socket, { ...where({}), limit: 100 }));
        counts.deaf += QUERIES_AT_ONCE;
        await Promise.any([...asked, socket.closed()]);
      }),
    ),
  ]);
  report(counts);
}, DEADLINE_MS);
