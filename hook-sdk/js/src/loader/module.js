'use strict';
// CommonJS as Node has it, over the table of modules in the bundle.
const host = require('../core/host');
const path = require('../core/path');
const wrapper = require('../core/wrapper');
const builtins = require('../core/builtins');
const { coded, invalidArgument } = require('../core/errors');
const { parse } = require('../core/primordials');
const { resolve, packageFolders } = require('./resolve');

const cache = Object.create(null);
let main;

class Module {
  constructor(id = '', parent) {
    this.id = id;
    this.path = path.dirname(id);
    this.exports = {};
    this.filename = null;
    this.loaded = false;
    this.children = [];
    Object.defineProperty(this, 'parent', { value: parent, writable: true, configurable: true, enumerable: false });
    Object.defineProperty(this, '_requires', { value: undefined, writable: true });
    parent?.children.push(this);
  }

  get paths() {
    return packageFolders(this.path);
  }

  require(request) {
    if (typeof request !== 'string') throw invalidArgument('id', 'string', request);
    if (request === '') {
      throw coded('ERR_INVALID_ARG_VALUE', "The argument 'id' must be a non-empty string. Received ''", TypeError);
    }
    return Module._load(request, this);
  }

  _compile(source, file) {
    const compiled = host.evaluate(wrapper.before + withoutShebang(source) + wrapper.after, file);
    return compiled.call(this.exports, this.exports, requireOf(this), this, file, path.dirname(file));
  }

  static _resolveFilename(request, parent) {
    if (builtins.has(request)) return request;
    const known = parent?._requires?.[request];
    if (known !== undefined) return known;
    const found = resolve(request, parent?.path ?? '/app');
    if (found !== undefined) return found;
    const stack = [];
    for (let module = parent; module; module = module.parent) stack.push(module.filename ?? module.id);
    throw coded(
      'MODULE_NOT_FOUND',
      `Cannot find module '${request}'${stack.length ? `\nRequire stack:\n- ${stack.join('\n- ')}` : ''}`,
      Error,
      { requireStack: stack },
    );
  }

  static _load(request, parent) {
    if (builtins.has(request)) return builtins.load(request);
    const file = Module._resolveFilename(request, parent);
    if (builtins.has(file)) return builtins.load(file);
    const cached = cache[file];
    if (cached !== undefined) {
      if (parent && !parent.children.includes(cached)) parent.children.push(cached);
      return cached.exports;
    }
    const module = new Module(file, parent);
    return run(module, file);
  }
}

function run(module, file, isMain = false) {
  if (isMain) {
    main = module;
    module.id = '.';
    process.mainModule = module;
  }
  module.filename = file;
  cache[file] = module;
  let done = false;
  try {
    const extension = path.extname(file);
    const load = Object.hasOwn(extensions, extension) ? extensions[extension] : extensions['.js'];
    load(module, file);
    module.loaded = true;
    done = true;
  } finally {
    if (!done) delete cache[file];
  }
  return module.exports;
}

function withoutShebang(source) {
  return source.startsWith('#!') ? `//${source}` : source;
}

function textOf(file) {
  const bytes = host.fileBytes(file);
  if (bytes !== undefined) return host.utf8Decode(bytes, false).replace(/^\ufeff/, '');
  const found = host.moduleSource(file);
  if (found !== undefined) return found.source;
  throw coded('ENOENT', `ENOENT: no such file or directory, open '${file}'`, Error, {
    errno: -2,
    syscall: 'open',
    path: file,
  });
}

const extensions = {
  '.js'(module, file) {
    const found = host.moduleSource(file);
    if (found === undefined) return module._compile(textOf(file), file);
    module._requires = found.requires ?? {};
    module._compile(found.source, file);
  },
  '.json'(module, file) {
    try {
      module.exports = parse(textOf(file));
    } catch (error) {
      error.message = `${file}: ${error.message}`;
      throw error;
    }
  },
  '.node'(_, file) {
    throw coded('ERR_DLOPEN_FAILED', `${file}: ${builtins.load('internal:unsupported').native}`);
  },
};
Object.setPrototypeOf(extensions, null);

function requireOf(module) {
  const require = function require(request) {
    return module.require(request);
  };
  require.resolve = (request) => Module._resolveFilename(request, module);
  require.resolve.paths = (request) => (builtins.has(request) ? null : packageFolders(module.path));
  require.main = main;
  require.cache = cache;
  require.extensions = extensions;
  return require;
}

Object.assign(Module, {
  Module,
  _cache: cache,
  _extensions: extensions,
  _nodeModulePaths: packageFolders,
  builtinModules: builtins.names(),
  isBuiltin: builtins.has,
  wrap: (source) => wrapper.before + source + wrapper.after,
  wrapper: [wrapper.before, wrapper.after],
  globalPaths: [],
  syncBuiltinESMExports() {},
  findSourceMap() {},
  createRequire(from) {
    const file = /^file:/.test(from) ? decodeURIComponent(new URL(from).pathname) : String(from);
    const module = new Module(file);
    module.filename = file;
    return requireOf(module);
  },
});

/** Runs the module that a release begins with. */
function start(file) {
  return run(new Module(file, undefined), file, true);
}

module.exports = { Module, start, cache };
