'use strict';
// What both Redis clients share: commands that are started in one go become one pipeline of LeanCache.
const host = require('internal:host');
const { toText } = require('internal:bytes');

class ReplyError extends Error {
  constructor(message, command) {
    super(message);
    this.name = 'ReplyError';
    const [name, ...args] = command;
    this.command = { name: String(name).toLowerCase(), args };
    const code = /^([A-Z]+)\s/.exec(message)?.[1];
    if (code) this.code = code;
  }
}

/** A word of a command as Redis gets it. */
function word(value) {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (value instanceof Date) return String(value);
  return value === null || value === undefined ? '' : String(value);
}

/** A reply as a client has it: texts, or bytes where they are wanted; errors inside arrays stay values. */
function read(reply, command, asBytes) {
  if (reply === null || typeof reply === 'number') return reply;
  if (typeof reply === 'bigint') return Number(reply);
  if (Array.isArray(reply)) return reply.map((one) => read(one, command, asBytes));
  if (reply.bulk !== undefined) {
    return asBytes ? Buffer.from(reply.bulk.buffer, reply.bulk.byteOffset, reply.bulk.byteLength) : toText(reply.bulk);
  }
  if (reply.status !== undefined) return reply.status;
  return new ReplyError(reply.error, command);
}

function settle(entry, reply) {
  const value = read(reply, entry.command, entry.asBytes);
  if (value instanceof ReplyError) entry.reject(value);
  else entry.resolve(value);
}

function failed(error, command) {
  const text = error?.kind === 'unavailable' ? `Connection is closed: ${error.message}` : error.message;
  return error?.kind === 'refused' || error?.kind === 'exceeded'
    ? new ReplyError(`ERR ${text}`, command)
    : new Error(text);
}

/** Carries out what is queued. A command that is refused takes none of the others with it, as on a connection. */
function carryOut(entries) {
  let replies;
  try {
    replies = host.leancache(entries.map(({ command }) => command));
  } catch (error) {
    if (error?.kind === 'refused' && entries.length > 1) for (const entry of entries) carryOut([entry]);
    else for (const entry of entries) entry.reject(failed(error, entry.command));
    return;
  }
  for (const [index, entry] of entries.entries()) settle(entry, replies[index]);
}

let queue = [];

function flush() {
  const entries = queue;
  queue = [];
  carryOut(entries);
}

/** Starts a command; answers a promise of its reply. */
function send(words, asBytes = false) {
  const command = words.map(word);
  return new Promise((resolve, reject) => {
    if (host.preparing()) {
      return reject(
        new Error('no Redis command can be sent while the module is loaded: send it in a function or hook'),
      );
    }
    if (queue.push({ command, resolve, reject, asBytes }) === 1) queueMicrotask(flush);
  });
}

/** Carries out several commands; answers a value or an error for each. */
async function sendAll(commands, asBytes) {
  const results = await Promise.allSettled(commands.map((words, index) => send(words, asBytes?.[index])));
  return results.map(({ value, reason }) => reason ?? value);
}

function parseUrl(text) {
  const url = new URL(/^rediss?:\/\//.test(text) ? text : `redis://${text}`);
  return {
    host: url.hostname || '127.0.0.1',
    port: Number(url.port || 6379),
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    db: Number(url.pathname.slice(1) || 0),
  };
}

/** The commands that LeanCache has, and that clients have methods for so that the refusal names them. */
const commands = (
  'append bitcount bitfield bitop bitpos decr decrby get getbit getdel getex getrange getset incr incrby incrbyfloat mget mset ' +
  'msetnx psetex set setbit setex setnx setrange strlen substr lcs del unlink exists expire expireat expiretime pexpire ' +
  'pexpireat pexpiretime persist pttl ttl type touch rename renamenx copy hdel hexists hget hgetall hincrby hincrbyfloat hkeys ' +
  'hlen hmget hmset hrandfield hscan hset hsetnx hstrlen hvals lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange ' +
  'lrem lset ltrim rpop rpoplpush rpush rpushx sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers ' +
  'smismember smove spop srandmember srem sscan sunion sunionstore zadd zcard zcount zdiff zdiffstore zincrby zinter ' +
  'zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange zrangebylex zrangebyscore zrangestore ' +
  'zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex zrevrangebyscore zrevrank zscan zscore ' +
  'zunion zunionstore geoadd geodist geohash geopos georadius georadiusbymember geosearch geosearchstore pfadd pfcount pfmerge ' +
  'ping echo time publish subscribe psubscribe unsubscribe punsubscribe keys scan randomkey dbsize flushall flushdb select move ' +
  'eval evalsha script config client info monitor watch unwatch blpop brpop brpoplpush blmove bzpopmin bzpopmax sort object ' +
  'xadd xread xreadgroup xrange xrevrange xlen xdel xtrim xack xgroup xinfo xpending xclaim auth dump restore wait debug'
).split(' ');

module.exports = { ReplyError, commands, parseUrl, send, sendAll, word };
