'use strict';
// ioredis on LeanCache: one client is like another, since the app has one key space.
const EventEmitter = require('events');
const { ReplyError, commands, parseUrl, send, sendAll } = require('internal:leancache');
const { 'redis:scripts': noScripts } = require('internal:unsupported');
const { keyPositions } = require('internal:redis-keys');

/** Arguments as ioredis takes them: lists are laid out; objects and maps become pairs where a command wants pairs. */
function flat(name, given) {
  if ((name === 'mset' || name === 'msetnx') && given.length === 1) return pairs(given[0]) ?? given.flat(Infinity);
  if ((name === 'hset' || name === 'hmset') && given.length === 2) {
    const laid = pairs(given[1]);
    if (laid) return [given[0], ...laid];
  }
  return given.flat(Infinity);
}

function pairs(value) {
  if (value instanceof Map) return [...value].flat();
  if (value === null || typeof value !== 'object' || Array.isArray(value) || ArrayBuffer.isView(value))
    return undefined;
  return Object.entries(value).flat();
}

/** Replies that are not left as Redis gives them. */
function shaped(name, value) {
  if (name !== 'hgetall' || !Array.isArray(value)) return value;
  const object = {};
  for (let at = 0; at < value.length; at += 2)
    Object.defineProperty(object, value[at], {
      value: value[at + 1],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  return object;
}

function words(client, name, given) {
  const args = flat(name, given);
  const { keyPrefix } = client.options;
  if (keyPrefix)
    for (const at of keyPositions(name, args))
      args[at] = Buffer.isBuffer(args[at]) ? Buffer.concat([Buffer.from(keyPrefix), args[at]]) : keyPrefix + args[at];
  return [name, ...args];
}

function withCallback(promise, callback) {
  if (typeof callback !== 'function') return promise;
  promise.then(
    (value) => process.nextTick(callback, null, value),
    (error) => process.nextTick(callback, error),
  );
  return promise;
}

const takeCallback = (given) => (typeof given[given.length - 1] === 'function' ? given.pop() : undefined);

class Pipeline {
  constructor(redis, isTransaction) {
    this.redis = redis;
    this._isTransaction = isTransaction;
    this._queue = [];
    this._callbacks = [];
  }

  get length() {
    return this._queue.length;
  }

  _add(name, given, asBytes) {
    this._callbacks.push(takeCallback(given));
    this._queue.push({ name, asBytes, words: words(this.redis, name, given) });
    return this;
  }

  call(name, ...given) {
    return this._add(String(name).toLowerCase(), given, false);
  }

  addBatch(list) {
    for (const [name, ...given] of list) this._add(String(name).toLowerCase(), given, false);
    return this;
  }

  exec(callback) {
    return withCallback(this._exec(), callback);
  }

  async _exec() {
    const results = await sendAll(
      this._queue.map((one) => one.words),
      this._queue.map((one) => one.asBytes),
    );
    return results.map((value, index) => {
      const pair = value instanceof Error ? [value, undefined] : [null, shaped(this._queue[index].name, value)];
      this._callbacks[index]?.(...pair);
      return pair;
    });
  }

  execBuffer(callback) {
    for (const one of this._queue) one.asBytes = true;
    return this.exec(callback);
  }
}

class Redis extends EventEmitter {
  constructor(...given) {
    super();
    this.options = { host: '127.0.0.1', port: 6379, db: 0, keyPrefix: '', family: 4, lazyConnect: false };
    for (const one of given) {
      if (typeof one === 'string' && !/^\d+$/.test(one)) {
        if (typeof given[0] === 'number' || /^\d+$/.test(given[0])) this.options.host = one;
        else Object.assign(this.options, parseUrl(one));
      } else if (typeof one === 'number' || typeof one === 'string') this.options.port = Number(one);
      else if (one !== null && typeof one === 'object') Object.assign(this.options, one);
    }
    this.isCluster = false;
    this.mode = 'normal';
    if (this.options.lazyConnect) this.status = 'wait';
    else this._begin();
  }

  _begin() {
    this.status = 'ready';
    process.nextTick(() => {
      if (this.status !== 'ready') return;
      this.emit('connecting');
      this.emit('connect');
      this.emit('ready');
    });
  }

  connect(callback) {
    if (this.status !== 'ready') this._begin();
    return withCallback(Promise.resolve(), callback);
  }

  _run(name, given, asBytes) {
    const callback = takeCallback(given);
    if (this.status === 'end') return withCallback(Promise.reject(new Error('Connection is closed.')), callback);
    if (this.status === 'wait') this._begin();
    return withCallback(
      send(words(this, name, given), asBytes).then((value) => shaped(name, value)),
      callback,
    );
  }

  call(name, ...given) {
    return this._run(String(name).toLowerCase(), given, false);
  }

  callBuffer(name, ...given) {
    return this._run(String(name).toLowerCase(), given, true);
  }

  sendCommand(command) {
    return send([command.name, ...command.args]);
  }

  pipeline(list) {
    const pipeline = new Pipeline(this, false);
    return list ? pipeline.addBatch(list) : pipeline;
  }

  multi(list, options) {
    const settings = list !== null && typeof list === 'object' && !Array.isArray(list) ? list : options;
    if (settings?.pipeline === false)
      throw new Error('multi({ pipeline: false }): connections are shared; use multi() and exec()');
    const pipeline = new Pipeline(this, true);
    return Array.isArray(list) ? pipeline.addBatch(list) : pipeline;
  }

  exec() {
    throw new Error('exec without multi');
  }

  /** Health checks ask it: LeanCache has no connection that could be lost. */
  ping(...given) {
    const callback = takeCallback(given);
    return withCallback(Promise.resolve(given[0] ?? 'PONG'), callback);
  }

  /** The command is there and refuses: files define theirs at the top level, whether or not they use them. */
  defineCommand(name) {
    this[name] = () => Promise.reject(new Error(`defineCommand('${name}'): ${noScripts}`));
  }

  scanStream() {
    throw new Error(
      'ERR `SCAN` is not offered by LeanCache: keep the names of keys in a set, and read that with `sscanStream`',
    );
  }

  quit(callback) {
    this.disconnect();
    return withCallback(Promise.resolve('OK'), callback);
  }

  end() {
    this.disconnect();
  }

  disconnect() {
    if (this.status === 'end') return;
    this.status = 'end';
    process.nextTick(() => {
      this.emit('close');
      this.emit('end');
    });
  }

  duplicate(options) {
    return new this.constructor({ ...this.options, ...options });
  }

  getBuiltinCommands() {
    return [...commands];
  }

  static createClient(...given) {
    return new this(...given);
  }
}

for (const name of commands) {
  const define = (target, key, method) => {
    if (!(key in target))
      Object.defineProperty(target, key, { value: method, writable: true, configurable: true, enumerable: false });
  };
  define(Redis.prototype, name, function (...given) {
    return this._run(name, given, false);
  });
  define(Redis.prototype, `${name}Buffer`, function (...given) {
    return this._run(name, given, true);
  });
  define(Pipeline.prototype, name, function (...given) {
    return this._add(name, given, false);
  });
  define(Pipeline.prototype, `${name}Buffer`, function (...given) {
    return this._add(name, given, true);
  });
}

function scanStream(name) {
  return function (key, options = {}) {
    const { Readable } = require('stream');
    const client = this;
    let cursor = '0';
    return new Readable({
      objectMode: true,
      async read() {
        try {
          const given = [key, cursor];
          if (options.match) given.push('MATCH', options.match);
          if (options.count) given.push('COUNT', options.count);
          const [next, items] = await client[name](...given);
          cursor = next;
          this.push(items);
          if (cursor === '0') this.push(null);
        } catch (error) {
          this.destroy(error);
        }
      },
    });
  };
}
for (const name of ['hscan', 'sscan', 'zscan']) Redis.prototype[`${name}Stream`] = scanStream(name);

class Cluster extends Redis {
  constructor(_, options) {
    super(options?.redisOptions ?? {});
    this.isCluster = true;
  }

  nodes() {
    return [this];
  }
}

Object.assign(Redis, {
  Cluster,
  Redis,
  default: Redis,
  Pipeline,
  ReplyError,
  Command: class Command {
    constructor(name, args = []) {
      this.name = name;
      this.args = args.flat();
    }
  },
  print: (error, reply) => console.log(error ? `Error: ${error}` : `Reply: ${reply}`),
});
Object.defineProperty(Redis, '__esModule', { value: true });

module.exports = Redis;
