'use strict';
// Where the keys stand among the arguments of a command.

/** Name to first key, last key (from the end where negative) and step. */
const unusual = {
  mget: [0, -1, 1],
  del: [0, -1, 1],
  unlink: [0, -1, 1],
  exists: [0, -1, 1],
  touch: [0, -1, 1],
  pfcount: [0, -1, 1],
  pfmerge: [0, -1, 1],
  sdiff: [0, -1, 1],
  sinter: [0, -1, 1],
  sunion: [0, -1, 1],
  sdiffstore: [0, -1, 1],
  sinterstore: [0, -1, 1],
  sunionstore: [0, -1, 1],
  mset: [0, -1, 2],
  msetnx: [0, -1, 2],
  rename: [0, 1, 1],
  renamenx: [0, 1, 1],
  copy: [0, 1, 1],
  rpoplpush: [0, 1, 1],
  lmove: [0, 1, 1],
  smove: [0, 1, 1],
  lcs: [0, 1, 1],
  geosearchstore: [0, 1, 1],
  zrangestore: [0, 1, 1],
  bitop: [1, -1, 1],
};
const none = new Set([
  'ping',
  'echo',
  'time',
  'publish',
  'subscribe',
  'psubscribe',
  'unsubscribe',
  'punsubscribe',
  'keys',
  'scan',
  'randomkey',
  'dbsize',
  'flushall',
  'flushdb',
  'select',
  'script',
  'config',
  'client',
  'info',
  'monitor',
  'unwatch',
  'auth',
  'wait',
  'debug',
]);
/** A number says how many keys follow: at this place. */
const counted = { zunion: 0, zinter: 0, zdiff: 0, sintercard: 0, zintercard: 0, lmpop: 0, zmpop: 0 };
const countedWithTarget = { zunionstore: 1, zinterstore: 1, zdiffstore: 1 };

function keyPositions(name, args) {
  if (none.has(name) || args.length === 0) return [];
  const countAt = counted[name] ?? countedWithTarget[name];
  if (countAt !== undefined) {
    const count = Math.min(Number(args[countAt]) || 0, args.length - countAt - 1);
    const keys = Array.from({ length: count }, (_, index) => countAt + 1 + index);
    return name in countedWithTarget ? [0, ...keys] : keys;
  }
  const [first, last, step] = unusual[name] ?? [0, 0, 1];
  const end = last < 0 ? args.length + last : Math.min(last, args.length - 1);
  const positions = [];
  for (let at = first; at <= end; at += step) positions.push(at);
  return positions;
}

module.exports = { keyPositions };
