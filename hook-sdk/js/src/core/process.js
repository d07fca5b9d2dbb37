'use strict';
// The one process that a module sees.
const EventEmitter = require('./events');
const host = require('./host');
const log = require('./log');
const { coded, unsupported } = require('./errors');
const { uncaught } = require('./uncaught');
const reasons = require('../unsupported.json');
const { queueMicrotask } = require('./primordials');
const { setLocalZone } = require('./locale/zones');

const VERSION = '20.19.5';

const process = Object.create(
  Object.create(EventEmitter.prototype, {
    constructor: { value: function process() {}, writable: true, configurable: true, enumerable: false },
    [Symbol.toStringTag]: { value: 'process', configurable: true },
  }),
);
EventEmitter.call(process);

// Variables of a release are known while it is loaded; a few others only in its calls.
const variables = { ...host.environment() };
let readWhileLoading = host.preparing();
const given = { ...variables };

function refresh() {
  readWhileLoading = false;
  for (const [name, value] of Object.entries(host.environment())) {
    // What the module itself has set stays.
    if (variables[name] === given[name]) variables[name] = value;
  }
}

function current() {
  if (readWhileLoading && !host.preparing()) refresh();
  return variables;
}

const env = new Proxy(variables, {
  get: (_, name) => current()[name],
  has: (_, name) => name in current(),
  ownKeys: () => Reflect.ownKeys(current()),
  set(_, name, value) {
    current()[name] = typeof name === 'symbol' ? value : `${value}`;
    if (name === 'TZ') applyZone();
    return true;
  },
});

/** Local times are those of the zone that TZ names. */
function applyZone() {
  try {
    host.setUtcOffset(setLocalZone(variables.TZ || undefined));
  } catch (error) {
    host.setUtcOffset(setLocalZone());
    log.warn(`TZ: ${error.message}; local times are UTC`);
  }
}
if (variables.TZ) applyZone();

// Ticks come before promises, as far as both are queued by then.
let ticks = [];

function runTicks() {
  const due = ticks;
  ticks = [];
  for (const { callback, values } of due) {
    try {
      callback(...values);
    } catch (error) {
      uncaught(error, 'uncaughtException');
    }
  }
}

function nextTick(callback, ...values) {
  if (typeof callback !== 'function') throw require('./errors').invalidArgument('callback', 'function', callback);
  if (ticks.push({ callback, values }) === 1) queueMicrotask(runTicks);
}

function refusal(name) {
  return () => {
    throw unsupported(`process.${name}: a hook is no process of its own`);
  };
}

function stream(fd, level) {
  const self = Object.assign(new EventEmitter(), {
    fd,
    isTTY: false,
    writable: true,
    columns: undefined,
    write(data, encoding, done) {
      const text = typeof data === 'string' ? data : Buffer.from(data).toString();
      const line = text.endsWith('\n') ? text.slice(0, -1) : text;
      if (line !== '' || text !== '') log[level](line);
      const callback = typeof encoding === 'function' ? encoding : done;
      if (typeof callback === 'function') nextTick(callback);
      return true;
    },
    end(data) {
      if (data !== undefined && data !== null) self.write(data);
      return self;
    },
    cork() {},
    uncork() {},
    hasColors: () => false,
    getColorDepth: () => 1,
    getWindowSize: () => [80, 24],
  });
  return self;
}

function hrtime(since) {
  const now = host.monotonicNow();
  let seconds = Math.floor(now / 1000);
  let nanoseconds = Math.round((now % 1000) * 1e6);
  if (since) {
    seconds -= since[0];
    nanoseconds -= since[1];
    if (nanoseconds < 0) {
      seconds -= 1;
      nanoseconds += 1e9;
    }
  }
  return [seconds, nanoseconds];
}
hrtime.bigint = () => BigInt(Math.round(host.monotonicNow() * 1e6));

function emitWarning(warning, type, code) {
  const options = type !== null && typeof type === 'object' ? type : { type, code };
  const error =
    warning instanceof Error ? warning : Object.assign(new Error(String(warning)), { name: options.type ?? 'Warning' });
  if (error.name === 'DeprecationWarning' && process.noDeprecation) return;
  if (process.listenerCount('warning') > 0) nextTick(() => process.emit('warning', error));
  else log.warn(`(node:1) ${options.code ? `[${options.code}] ` : ''}${error.name}: ${error.message}`);
}

const memory = () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 });
memory.rss = () => 0;

let umask = 0o22;

Object.assign(process, {
  title: 'node',
  version: `v${VERSION}`,
  versions: { node: VERSION, modules: '115' },
  arch: 'x64',
  platform: 'linux',
  release: { name: 'node', lts: 'Iron' },
  argv: ['/usr/local/bin/node', host.bundle.entry],
  argv0: 'node',
  execArgv: [],
  execPath: '/usr/local/bin/node',
  pid: 1,
  ppid: 0,
  exitCode: undefined,
  features: { inspector: false, debug: false, uv: false, ipv6: true, tls: true },
  config: { target_defaults: {}, variables: {} },
  noDeprecation: false,
  nextTick,
  hrtime,
  emitWarning,
  memoryUsage: memory,
  constrainedMemory: () => 0,
  cpuUsage: () => ({ user: 0, system: 0 }),
  resourceUsage: () => ({}),
  uptime: () => host.monotonicNow() / 1000,
  cwd: () => '/app',
  umask(mask) {
    const before = umask;
    if (mask !== undefined) umask = typeof mask === 'string' ? parseInt(mask, 8) : mask;
    return before;
  },
  getuid: () => 1000,
  geteuid: () => 1000,
  getgid: () => 1000,
  getegid: () => 1000,
  exit(code) {
    throw coded(
      'ERR_PROCESS_EXIT',
      `process.exit(${code ?? ''}) was called: a hook cannot end the engine; return or throw instead`,
    );
  },
  abort: refusal('abort'),
  kill: refusal('kill'),
  dlopen: () => {
    throw unsupported(reasons.native);
  },
  chdir: refusal('chdir'),
  binding: refusal('binding'),
  getActiveResourcesInfo: () => [],
  setUncaughtExceptionCaptureCallback() {},
  hasUncaughtExceptionCaptureCallback: () => false,
  getBuiltinModule: (name) => (require('./builtins').has(name) ? require('./builtins').load(name) : undefined),
  stdout: stream(1, 'info'),
  stderr: stream(2, 'error'),
  stdin: Object.assign(new EventEmitter(), {
    fd: 0,
    isTTY: false,
    readable: false,
    read: () => null,
    resume() {
      return this;
    },
    pause() {
      return this;
    },
    setEncoding() {
      return this;
    },
    unref() {
      return this;
    },
    ref() {
      return this;
    },
  }),
});
Object.defineProperty(process, 'env', { value: env, writable: true, configurable: true, enumerable: true });

module.exports = process;
