'use strict';
// The package `redis` on LeanCache, in both of its shapes: callbacks last (up to version 3), promises and camel case (from
// version 4). A callback, or the name of the method, says which shape is meant.
const EventEmitter = require('events');
const { ReplyError, commands, parseUrl, send, sendAll } = require('internal:leancache');
const { 'redis:scripts': noScripts } = require('internal:unsupported');
const { keyPositions } = require('internal:redis-keys');
const modern = require('internal:redis-modern');
const { manifest } = require('internal:resolve');

/** The version that the project asks for: 3 or less means callbacks. */
function isClassic() {
  const installed = manifest('/app/node_modules/redis')?.version;
  const { dependencies, devDependencies } = manifest('/app') ?? {};
  const range = installed ?? dependencies?.redis ?? devDependencies?.redis;
  const major = /\d+/.exec(range ?? '')?.[0];
  return major !== undefined && Number(major) < 4;
}

/** Arguments as version 3 takes them. */
function classicWords(name, given) {
  if (name === 'hmset' || name === 'hset') {
    const [key, fields] = given;
    if (
      given.length === 2 &&
      fields !== null &&
      typeof fields === 'object' &&
      !Array.isArray(fields) &&
      !ArrayBuffer.isView(fields)
    ) {
      return [name, key, ...Object.entries(fields).flat()];
    }
  }
  return [name, ...given.flat(Infinity)];
}

function classicReply(name, value) {
  if (name !== 'hgetall' || !Array.isArray(value)) return value;
  return value.length === 0 ? null : modern.toObject(value);
}

class Multi {
  constructor(client, list = []) {
    this._client = client;
    this._queue = [];
    for (const [name, ...given] of list) this[String(name).toLowerCase()](...given);
  }

  _add(words, reply, callback) {
    this._queue.push({ words: this._client._prefixed(words), reply, callback });
    return this;
  }

  addCommand(words, reply = (value) => value) {
    return this._add(words, reply);
  }

  async _results() {
    const results = await sendAll(this._queue.map(({ words }) => words));
    return results.map((value, index) => (value instanceof Error ? value : this._queue[index].reply(value)));
  }

  exec(callback) {
    if (typeof callback === 'function' || this._client._isClassic) {
      this._results().then(
        (results) => {
          for (const [index, { callback: own }] of this._queue.entries()) {
            if (own) results[index] instanceof Error ? own(results[index]) : own(null, results[index]);
          }
          callback?.(null, results);
        },
        (error) => (callback ? callback(error) : this._client.emit('error', error)),
      );
      return true;
    }
    return this._results().then((results) => {
      const failure = results.find((one) => one instanceof Error);
      if (failure) throw Object.assign(failure, { replies: results });
      return results;
    });
  }

  execAsPipeline() {
    return this.exec();
  }
}
Multi.prototype.EXEC = Multi.prototype.exec_atomic = Multi.prototype.exec;
Multi.prototype.execTyped = Multi.prototype.exec;

class RedisClient extends EventEmitter {
  constructor(options, classic) {
    super();
    this.options = options;
    this._isClassic = classic;
    this.connected = this.ready = classic;
    this.isOpen = this.isReady = classic;
    this.closing = false;
    this.server_info = {};
    this.connection_options = { host: options.host, port: options.port };
    if (classic) this._begin();
  }

  _begin() {
    this.connected = this.ready = this.isOpen = this.isReady = true;
    process.nextTick(() => {
      this.emit('connect');
      this.emit('ready');
    });
  }

  async connect() {
    if (!this.isOpen) this._begin();
    return this;
  }

  _prefixed([name, ...args]) {
    const { prefix } = this.options;
    if (prefix) for (const at of keyPositions(String(name).toLowerCase(), args)) args[at] = `${prefix}${args[at]}`;
    return [name, ...args];
  }

  /** One command; a callback is told, and without one a promise. */
  _run(words, reply, callback) {
    if (this.closing) {
      const error = Object.assign(new Error('The connection is already closed'), {
        code: 'NR_CLOSED',
        command: words[0],
      });
      if (callback) process.nextTick(callback, error);
      return callback ? false : Promise.reject(Object.assign(error, { message: 'The client is closed' }));
    }
    const answer = send(this._prefixed(words), this.options.return_buffers).then(reply);
    if (callback) {
      answer.then(
        (value) => process.nextTick(callback, null, value),
        (error) => process.nextTick(callback, toldAsVersion3(error, words)),
      );
      return true;
    }
    if (!this._isClassic) return answer;
    // Version 3 emits errors of calls without a callback; a caller that awaits gets them as well.
    answer.catch((error) => {
      if (this.listenerCount('error') > 0) this.emit('error', error);
      else console.error(error);
    });
    return answer;
  }

  send_command(name, args, callback) {
    if (typeof args === 'function') [args, callback] = [[], args];
    return this._run([String(name).toLowerCase(), ...(args ?? [])], (value) => value, callback);
  }

  sendCommand(words, ...rest) {
    if (typeof words === 'string') return this.send_command(words, ...rest);
    return this._run([...words], (value) => value);
  }

  multi(list) {
    return new Multi(this, list);
  }

  batch(list) {
    return new Multi(this, list);
  }

  duplicate(options) {
    return new RedisClient({ ...this.options, ...options }, this._isClassic);
  }

  _close() {
    this.closing = true;
    this.connected = this.ready = this.isOpen = this.isReady = false;
    process.nextTick(() => this.emit('end'));
  }

  /** Health checks ask it: LeanCache has no connection that could be lost. */
  ping(...given) {
    const callback = typeof given.at(-1) === 'function' ? given.pop() : undefined;
    if (callback) return void process.nextTick(callback, null, given[0] ?? 'PONG');
    return Promise.resolve(given[0] ?? 'PONG');
  }

  quit(callback) {
    this._close();
    if (typeof callback === 'function') return void process.nextTick(callback, null, 'OK');
    return Promise.resolve('OK');
  }

  disconnect() {
    this._close();
    return Promise.resolve();
  }

  end() {
    this._close();
  }

  destroy() {
    this._close();
  }

  close() {
    this._close();
    return Promise.resolve();
  }

  get legacy() {
    return new RedisClient(this.options, true);
  }

  legacyMode() {
    return new RedisClient(this.options, true);
  }

  get v4() {
    return this;
  }

  ref() {}
  unref() {}
  executeIsolated(work) {
    return work(this);
  }
}

/** Version 3 puts the name of the command on the error, where ioredis puts an object. */
function toldAsVersion3(error, [command, ...args]) {
  return error instanceof ReplyError ? Object.assign(error, { command: String(command).toUpperCase(), args }) : error;
}

/** Puts a method under its names on a client or on a chain of commands. */
function define(target, run) {
  const put = (name, method) => {
    if (!Object.hasOwn(target, name))
      Object.defineProperty(target, name, { value: method, writable: true, configurable: true, enumerable: false });
  };
  for (const name of commands) {
    if (['multi', 'quit'].includes(name)) continue;
    const camel = modern.camelCase(name);
    const classic = function (...given) {
      const callback = typeof given[given.length - 1] === 'function' ? given.pop() : undefined;
      // `set(key, value, { EX: 1 })` and the like are of version 4, under a name that both have.
      const words = modern.looksModern(name, given) ? modern.words(name, given) : classicWords(name, given);
      const client = this instanceof Multi ? this._client : this;
      // A name of one word is of both versions, and the reply of the client's.
      const isModern = !callback && !client._isClassic && camel === name;
      return run(this, words, (value) => (isModern ? modern.reply(name, value) : classicReply(name, value)), callback);
    };
    put(name, classic);
    const ofVersion4 = function (...given) {
      return run(this, modern.words(name, given), (value) => modern.reply(name, value), undefined);
    };
    if (camel !== name) put(camel, ofVersion4);
    put(name.toUpperCase(), function (...given) {
      const isCallback = typeof given[given.length - 1] === 'function';
      const client = this instanceof Multi ? this._client : this;
      return (isCallback || client._isClassic ? classic : ofVersion4).apply(this, given);
    });
  }
  for (const [name, [command, change]] of Object.entries(modern.variants)) {
    put(name, function (...given) {
      return run(this, modern.words(command, change.words(given)), change.reply, undefined);
    });
  }
}
define(RedisClient.prototype, (client, words, reply, callback) => client._run(words, reply, callback));
define(Multi.prototype, (multi, words, reply, callback) => multi._add(words, reply, callback));

for (const [name, command] of [
  ['hScanIterator', 'hscan'],
  ['sScanIterator', 'sscan'],
  ['zScanIterator', 'zscan'],
]) {
  RedisClient.prototype[name] = async function* (key, options = {}) {
    let cursor = '0';
    do {
      const words = [command, key, cursor];
      if (options.MATCH) words.push('MATCH', options.MATCH);
      if (options.COUNT) words.push('COUNT', options.COUNT);
      const [next, items] = await this._run(words, (value) => value);
      cursor = next;
      yield* modern.scanned(command, items);
    } while (cursor !== '0');
  };
}

function optionsOf(given) {
  const options = { host: '127.0.0.1', port: 6379 };
  for (const one of given) {
    if (typeof one === 'string' && !/^\d+$/.test(one)) {
      if (typeof given[0] === 'number') options.host = one;
      else Object.assign(options, parseUrl(one));
    } else if (typeof one === 'number' || typeof one === 'string') options.port = Number(one);
    else if (one !== null && typeof one === 'object') {
      if (one.scripts || one.functions) throw new Error(`createClient: ${noScripts}`);
      Object.assign(options, one.url ? parseUrl(one.url) : {}, one.socket, one);
    }
  }
  return options;
}

/** A form of version 3 is any that version 4 has not. */
function createClient(...given) {
  const [first] = given;
  const isOldForm = given.length > 0 && (typeof first !== 'object' || given.length > 1);
  const options = optionsOf(given);
  return new RedisClient(options, isOldForm || options.legacyMode === true || isClassic());
}

class AbortError extends Error {}

module.exports = {
  createClient,
  createCluster: (options) => new RedisClient(optionsOf([options?.rootNodes?.[0] ?? {}]), false),
  defineScript() {
    throw new Error(`defineScript: ${noScripts}`);
  },
  commandOptions: (options) => options,
  RedisClient,
  Multi,
  AbortError,
  ReplyError,
  RedisError: ReplyError,
  ErrorReply: ReplyError,
  add_command() {},
  debug_mode: false,
  print: (error, reply) => console.log(error ? `Error: ${error}` : `Reply: ${reply}`),
  SchemaFieldTypes: {},
};
