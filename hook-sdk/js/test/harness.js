'use strict';
// A host of the shim inside Node: the engine's functions as interface of engine and shim, over a realm of its own that has
// nothing but the language.
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { execute } = require('./store');

const script = new vm.Script(fs.readFileSync(path.join(__dirname, '../engine/src/generated/shim.js'), 'utf8'), {
  filename: 'shim.js',
});

/** A module made of `files`: name (below /app) to text. */
function open(
  files,
  { entry = '/app/cloud.js', variables = {}, callVariables, answer, leancache, maps = {}, requires = {} } = {},
) {
  const logs = [];
  const commands = [];
  const requests = [];
  const data = new Map();
  let loading = true;
  const all = new Map(Object.entries(files).map(([name, text]) => [`/app/${name}`, text]));
  const isCode = (name) => /\.(c|m)?[jt]s$/.test(name);
  const realm = vm.createContext(Object.create(null));
  const inside = (source) => vm.runInContext(source, realm);
  // The engine has none.
  inside('delete globalThis.Intl');
  const Bytes = inside('Uint8Array');
  const toBytes = (buffer) => new Bytes(buffer);
  const RealmError = inside('Error');
  const fail = (text, extra) => {
    throw Object.assign(new RealmError(text), extra);
  };
  const bodies = new Map();
  const cancelled = [];
  const evaluated = [];
  const kept = new Set();
  let nextBody = 1;
  const ask = (request) => {
    if (loading) fail('no request can be sent while the module is loaded');
    const plain = { ...request, headers: [...request.headers].map(([name, value]) => [name, value]) };
    if (request.body) plain.body = Buffer.from(request.body);
    requests.push(plain);
    if (!answer) fail('the host is not allowed', { code: 'HTTP-request-denied' });
    const reply = answer(plain);
    if (reply.error) fail(reply.error, { code: reply.code });
    const chunks = [].concat(reply.body ?? []).map((chunk) => Buffer.from(chunk));
    return {
      status: reply.status ?? 200,
      headers: inside('(text) => JSON.parse(text)')(JSON.stringify(Object.entries(reply.headers ?? {}))),
      chunks,
    };
  };
  const make = inside('() => ({})');
  const RealmPromise = inside('Promise');
  const later = (work) =>
    new RealmPromise((resolve, reject) =>
      setImmediate(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(error);
        }
      }),
    );
  const host = Object.assign(make(), {
    log: (level, text) => logs.push({ level, text: String(text) }),
    setUtcOffset: () => {},
    environment: () => Object.assign(make(), variables, loading ? {} : callVariables),
    preparing: () => loading,
    random: (length) => toBytes(loading ? Buffer.alloc(length, 7) : crypto.randomBytes(length)),
    hash: (name, bytes) => toBytes(crypto.createHash(name).update(bytes).digest()),
    hmac: (name, key, bytes) => toBytes(crypto.createHmac(name, key).update(bytes).digest()),
    utf8Encode: (text) => toBytes(Buffer.from(text)),
    utf8Decode(bytes, fatal) {
      try {
        return new TextDecoder('utf-8', { fatal, ignoreBOM: true }).decode(bytes);
      } catch {
        return fail('invalid UTF-8');
      }
    },
    base64Encode: (bytes) => Buffer.from(bytes).toString('base64'),
    base64Decode: (text) => toBytes(Buffer.from(text, 'base64')),
    leancache(pipeline) {
      if (loading) fail('no command can be sent while the module is loaded', { kind: 'unavailable' });
      const plain = [...pipeline].map((words) => [...words].map((word) => Buffer.from(word)));
      commands.push(plain.map((words) => words.map(String)));
      const replies = (leancache ?? ((lines) => execute(data, lines)))(plain);
      if (replies.refused) fail(replies.refused, { kind: 'refused' });
      if (replies.unavailable) fail(replies.unavailable, { kind: 'unavailable' });
      const convert = (reply) => {
        if (Array.isArray(reply)) return inside('(items) => Array.from(items)')(reply.map(convert));
        if (Buffer.isBuffer(reply)) return Object.assign(make(), { bulk: toBytes(reply) });
        if (reply !== null && typeof reply === 'object') return Object.assign(make(), reply);
        return reply;
      };
      return convert(replies);
    },
    http(request) {
      if (loading) fail('no request can be sent while the module is loaded');
      const id = nextBody++;
      const answer = later(() => {
        const { status, headers, chunks } = ask(request);
        bodies.set(id, chunks);
        return Object.assign(make(), { status, headers, body: id });
      });
      const promise = new RealmPromise((resolve, reject) => {
        answer.then(
          (value) => cancelled.includes(id) || resolve(value),
          (error) => cancelled.includes(id) || reject(error),
        );
      });
      return Object.assign(promise, { id });
    },
    httpRead: (id) =>
      later(() => {
        const chunk = bodies.get(id)?.shift();
        return chunk ? toBytes(chunk) : null;
      }),
    httpCancel(id) {
      cancelled.push(id);
      bodies.delete(id);
    },
    timerRef: (id, keepsAlive) => void (keepsAlive ? kept.add(id) : kept.delete(id)),
    httpBlocking(request) {
      const { status, headers, chunks } = ask(request);
      return Object.assign(make(), { status, headers, body: toBytes(Buffer.concat(chunks)) });
    },
    evaluate(source, filename) {
      evaluated.push(filename);
      return new vm.Script(source, { filename }).runInContext(realm);
    },
    bundle: Object.assign(make(), { entry, name: 'test' }),
    moduleSource: (name) =>
      all.has(name) && isCode(name)
        ? Object.assign(make(), {
            source: all.get(name),
            requires: Object.assign(make(), requires[name]),
            map: maps[name],
          })
        : undefined,
    fileBytes: (name) => (all.has(name) && !isCode(name) ? toBytes(Buffer.from(all.get(name))) : undefined),
    paths: () => inside('(items) => Array.from(items)')([...all.keys()]),
    monotonicNow: () => performance.now(),
    deadlineMs: () => 10_000,
  });
  const timers = new Map();
  let nextTimer = 1;
  const number = (start, stop) => [
    (callback, delay) => {
      const id = nextTimer++;
      timers.set(
        id,
        start(() => callback(), delay),
      );
      kept.add(id);
      return id;
    },
    (id) => {
      stop(timers.get(id));
      timers.delete(id);
    },
  ];
  const [startTimeout, stopTimeout] = number(setTimeout, clearTimeout);
  const [startInterval, stopInterval] = number(setInterval, clearInterval);
  const [startImmediate, stopImmediate] = number(setImmediate, clearImmediate);
  Object.assign(realm, {
    __host: host,
    setTimeout: startTimeout,
    clearTimeout: stopTimeout,
    setInterval: startInterval,
    clearInterval: stopInterval,
    setImmediate: startImmediate,
    clearImmediate: stopImmediate,
    queueMicrotask,
  });
  // Of a newer language than Node 20's.
  inside('ArrayBuffer.prototype.transfer ??= function () { return this.slice(0) }');
  script.runInContext(realm);
  const entryPoints = realm.__entry;
  delete realm.__entry;
  const self = {
    logs,
    commands,
    requests,
    data,
    cancelled,
    evaluated,
    kept,
    entry: entryPoints,
    texts: (level) => logs.filter((one) => !level || one.level === level).map((one) => one.text),
    global: inside,
    definitions: () => [...entryPoints.definitions()].map(({ name, internal }) => ({ name, internal })),
    load() {
      entryPoints.load();
      loading = false;
      return self;
    },
    /** As the engine loads: what the top level started runs before the snapshot. */
    async loadAndRun() {
      entryPoints.load();
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      loading = false;
      return self;
    },
    /** The reply as the engine gets it. */
    callText: (name, params = {}, ctx = {}) =>
      entryPoints.call(name, typeof params === 'string' ? params : JSON.stringify(params), {
        requestId: 'r1',
        appId: 'app',
        environment: 'production',
        deadlineMs: 10_000,
        ...ctx,
      }),
    async call(name, params, ctx) {
      const text = await self.callText(name, params, ctx);
      return text === '' ? undefined : JSON.parse(text);
    },
    /** The failure as a plain object. */
    async failure(name, params, ctx) {
      try {
        const text = await self.callText(name, params, ctx);
        throw new Error(`it answered ${text}`);
      } catch (error) {
        if (typeof error.status !== 'number') throw error;
        return { code: error.code, status: error.status, message: error.message };
      }
    },
    uncaught: (value, kind) => entryPoints.uncaught(value, kind),
  };
  return self;
}

/** A module of one file, with its handler of `f` in `body`. */
function handler(body, options) {
  return open(
    { 'cloud.js': `const AV = require('leanengine')\nAV.Cloud.define('f', async (request) => {\n${body}\n})` },
    options,
  ).load();
}

module.exports = { open, handler };
