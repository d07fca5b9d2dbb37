'use strict';
// The modules that come with Node, and ours. Each is evaluated when it is first asked for.
const host = require('./host');
const lazy = require('lazy-modules');
const unsupported = require('../unsupported.json');

const present = {
  buffer: () => require('./buffer'),
  console: () => globalThis.console,
  constants: () => require('./constants'),
  events: () => require('./events'),
  module: () => require('../loader/module').Module,
  path: () => require('./path'),
  process: () => globalThis.process,
  timers: () => require('./timers').module,
  util: () => require('./util'),
};

const internals = {
  'internal:bytes': () => require('./bytes'),
  'internal:errors': () => require('./errors'),
  'internal:host': () => host,
  'internal:inherits': () => require('./util').inherits,
  'internal:inspect': () => require('./inspect'),
  'internal:loader': () => require('../loader/module'),
  'internal:log': () => require('./log'),
  'internal:registry': () => require('./registry'),
  'internal:timers': () => require('./timers'),
  'internal:resolve': () => require('../loader/resolve'),
  'internal:unsupported': () => unsupported,
  'internal:uncaught': () => require('./uncaught'),
};

const loaded = new Map();

/** `node:fs` and `fs` are one. */
function plain(name) {
  return name.startsWith('node:') ? name.slice(5) : name;
}

/** Among the texts are some of things that are no modules. */
function isRefused(name) {
  return Object.hasOwn(unsupported, name) && !name.includes(':') && !['native', 'storage', 'web'].includes(name);
}

function isOurs(name) {
  return (
    Object.hasOwn(present, name) || isRefused(name) || (Object.hasOwn(lazy, name) && !/^(web|internal):/.test(name))
  );
}

/** Whether a `require` of the users' code means one of these. */
function has(request) {
  // Without the prefix it is a package, in Node too.
  if (request === 'sqlite') return false;
  return isOurs(plain(request)) || /^lean(engine|cloud-storage)\//.test(request);
}

function evaluate(name) {
  const text = lazy[name];
  const module = { exports: {} };
  // Two that require each other get what is there of the first, as in Node.
  loaded.set(name, module.exports);
  host
    .evaluate(`(function (exports, require, module) {${text}\n})`, `node:${name}`)
    .call(module.exports, module.exports, load, module);
  return module.exports;
}

function refuse(name) {
  return require('./refused')(name, unsupported[name]);
}

/** One of the modules, whoever asks. */
function load(request) {
  let name = plain(request);
  // Parts of the SDKs, such as leancloud-storage/core, are the whole here.
  if (/^lean(engine|cloud-storage)\//.test(name)) name = 'leanengine';
  let exports = loaded.get(name);
  if (exports !== undefined) return exports;
  if (Object.hasOwn(internals, name)) exports = internals[name]();
  else if (Object.hasOwn(present, name)) exports = present[name]();
  else if (Object.hasOwn(lazy, name)) exports = evaluate(name);
  else if (Object.hasOwn(unsupported, name)) exports = refuse(name);
  else throw new Error(`there is no module ${name}`);
  loaded.set(name, exports);
  return exports;
}

/** Names for `module.builtinModules`. */
function names() {
  return [...Object.keys(present), ...Object.keys(lazy), ...Object.keys(unsupported)].filter(isOurs).sort();
}

module.exports = { has, load, names, plain };
