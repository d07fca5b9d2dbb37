'use strict';
// A small Redis for the tests of the clients.

const text = (value) => (value === undefined ? null : Buffer.from(String(value)));
const wrongType = { error: 'WRONGTYPE Operation against a key holding the wrong kind of value' };
const refused = new Set(['publish', 'subscribe', 'eval', 'keys', 'multi', 'select']);

function range(list, start, stop) {
  const at = (index) => (index < 0 ? Math.max(0, list.length + index) : index);
  return list.slice(at(Number(start)), at(Number(stop)) + 1);
}

const of = (data, key, Type) => {
  const value = data.get(key);
  if (value === undefined) return new Type();
  return value instanceof Type ? value : undefined;
};
const scores = (map) => [...map].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1));
const pairs = (list, withScores) =>
  list.flatMap(([member, score]) => (withScores ? [text(member), text(score)] : [text(member)]));

const table = {
  ping: () => ({ status: 'PONG' }),
  get: (data, key) => (typeof (data.get(key) ?? '') === 'string' ? text(data.get(key)) : wrongType),
  set(data, key, value, ...options) {
    if (options.map((one) => one.toUpperCase()).includes('NX') && data.has(key)) return null;
    data.set(key, value);
    return { status: 'OK' };
  },
  setex: (data, key, _, value) => table.set(data, key, value),
  mget: (data, ...keys) =>
    keys.length
      ? keys.map((key) => text(data.get(key)))
      : { error: "ERR wrong number of arguments for 'mget' command" },
  mset(data, ...words) {
    for (let at = 0; at < words.length; at += 2) data.set(words[at], words[at + 1]);
    return { status: 'OK' };
  },
  del: (data, ...keys) => keys.filter((key) => data.delete(key)).length,
  exists: (data, ...keys) => keys.filter((key) => data.has(key)).length,
  incr: (data, key) => {
    const next = Number(data.get(key) ?? 0) + 1;
    data.set(key, String(next));
    return next;
  },
  expire: (data, key) => Number(data.has(key)),
  ttl: () => -1,
  lpush(data, key, ...values) {
    const list = of(data, key, Array);
    if (!list) return wrongType;
    data.set(key, [...values.reverse(), ...list]);
    return data.get(key).length;
  },
  rpush(data, key, ...values) {
    const list = of(data, key, Array);
    if (!list) return wrongType;
    data.set(key, [...list, ...values]);
    return data.get(key).length;
  },
  llen: (data, key) => of(data, key, Array).length,
  lrange: (data, key, start, stop) => range(of(data, key, Array), start, stop).map(text),
  hset(data, key, ...words) {
    const map = of(data, key, Map);
    let added = 0;
    for (let at = 0; at < words.length; at += 2) {
      added += Number(!map.has(words[at]));
      map.set(words[at], words[at + 1]);
    }
    data.set(key, map);
    return added;
  },
  hmset: (data, ...words) => (table.hset(data, ...words), { status: 'OK' }),
  hget: (data, key, field) => text(of(data, key, Map).get(field)),
  hgetall: (data, key) => [...of(data, key, Map)].flat().map(text),
  hdel: (data, key, ...fields) => fields.filter((field) => of(data, key, Map).delete(field)).length,
  zadd(data, key, ...words) {
    const map = of(data, key, Map);
    let added = 0;
    for (let at = 0; at < words.length; at += 2) {
      added += Number(!map.has(words[at + 1]));
      map.set(words[at + 1], Number(words[at]));
    }
    data.set(key, map);
    return added;
  },
  zscore: (data, key, member) => text(of(data, key, Map).get(member)),
  zrevrank(data, key, member) {
    const rank = scores(of(data, key, Map))
      .reverse()
      .findIndex(([name]) => name === member);
    return rank < 0 ? null : rank;
  },
  zrevrange: (data, key, start, stop, option) =>
    pairs(range(scores(of(data, key, Map)).reverse(), start, stop), option),
  zrevrangebyscore: (data, key, _max, _min, ...options) => {
    const limit = options.indexOf('LIMIT');
    return pairs(
      range(
        scores(of(data, key, Map)).reverse(),
        options[limit + 1],
        Number(options[limit + 1]) + Number(options[limit + 2]) - 1,
      ),
      options.includes('WITHSCORES'),
    );
  },
  zrange: (data, key, start, stop, option) => pairs(range(scores(of(data, key, Map)), start, stop), option),
};

/** Replies to a pipeline of commands, each a list of buffers. */
function execute(data, pipeline) {
  const names = pipeline.map(([name]) => String(name).toLowerCase());
  const bad = names.find((name) => refused.has(name) || !Object.hasOwn(table, name));
  if (bad) return { refused: `\`${bad.toUpperCase()}\` is not offered by LeanCache: not here` };
  return pipeline.map(([, ...words], index) => table[names[index]](data, ...words.map(String)));
}

/** A store of its own that refuses with LeanCache's words. */
function likeLeanCache() {
  const data = new Map();
  return (pipeline) => {
    for (const [name, ...words] of pipeline) {
      const upper = String(name).toUpperCase();
      if (upper === 'PUBLISH' || upper === 'SUBSCRIBE') {
        return { refused: `\`${upper}\` is not offered by LeanCache: a subscription would have to outlive the call` };
      }
      if (upper === 'MGET' && words.length === 0) return { refused: 'wrong number of arguments for `MGET`' };
    }
    return execute(data, pipeline);
  };
}

module.exports = { execute, likeLeanCache };
