'use strict';
const { inspect, format, formatWithOptions, stripVTControlCharacters } = require('./inspect');
const { coded, invalidArgument } = require('./errors');
const types = require('./types');

const custom = Symbol.for('nodejs.util.promisify.custom');

function promisify(original) {
  if (typeof original !== 'function') throw invalidArgument('original', 'function', original);
  if (original[custom]) return original[custom];
  function promised(...values) {
    return new Promise((resolve, reject) => {
      original.call(this, ...values, (error, ...results) => (error ? reject(error) : resolve(results[0])));
    });
  }
  Object.setPrototypeOf(promised, Object.getPrototypeOf(original));
  Object.defineProperty(promised, custom, { value: promised, configurable: true });
  return Object.defineProperties(promised, Object.getOwnPropertyDescriptors(original));
}
promisify.custom = custom;

function callbackify(original) {
  if (typeof original !== 'function') throw invalidArgument('original', 'function', original);
  function called(...values) {
    const callback = values.pop();
    if (typeof callback !== 'function') throw invalidArgument('last argument', 'function', callback);
    original.apply(this, values).then(
      (value) => process.nextTick(callback, null, value),
      (error) =>
        process.nextTick(
          callback,
          error || coded('ERR_FALSY_VALUE_REJECTION', 'Promise was rejected with a falsy value'),
        ),
    );
  }
  Object.defineProperty(called, 'name', { value: `${original.name}Callbackified`, configurable: true });
  return called;
}

function inherits(child, parent) {
  if (typeof child !== 'function') throw invalidArgument('ctor', 'function', child);
  if (typeof parent !== 'function') throw invalidArgument('superCtor', 'function', parent);
  Object.defineProperty(child, 'super_', { value: parent, writable: true, configurable: true });
  Object.setPrototypeOf(child.prototype, parent.prototype);
}

const warned = new Set();

function deprecate(original, message, code) {
  let told = false;
  function deprecated(...values) {
    if (!told && !warned.has(code)) {
      told = true;
      if (code !== undefined) warned.add(code);
      process.emitWarning(message, 'DeprecationWarning', code);
    }
    return new.target ? Reflect.construct(original, values, new.target) : original.apply(this, values);
  }
  Object.setPrototypeOf(deprecated, original);
  if (original.prototype) deprecated.prototype = original.prototype;
  return deprecated;
}

function debuglog(set, callback) {
  const wanted = () =>
    (process.env.NODE_DEBUG ?? '').split(',').some((name) => name.trim().toLowerCase() === set.toLowerCase());
  const write = (...values) => {
    if (wanted()) console.error(`${set.toUpperCase()} ${process.pid}: ${format(...values)}`);
  };
  Object.defineProperty(write, 'enabled', { get: wanted });
  callback?.(write);
  return write;
}

const is = (type) => (value) => typeof value === type;

module.exports = {
  inspect,
  format,
  formatWithOptions,
  stripVTControlCharacters,
  promisify,
  callbackify,
  inherits,
  deprecate,
  debuglog,
  debug: debuglog,
  types,
  isDeepStrictEqual: (left, right) => require('./builtins').load('internal:equal').deepStrictEqual(left, right),
  toUSVString: (text) => String(text).toWellFormed(),
  stripColors: stripVTControlCharacters,
  styleText: (_, text) => text,
  getSystemErrorName: (number) =>
    Object.entries(require('./constants').errno).find(([, value]) => value === -number)?.[0] ??
    `Unknown system error ${number}`,
  aborted: (signal) => new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true })),
  TextEncoder: globalThis.TextEncoder,
  TextDecoder: globalThis.TextDecoder,
  isArray: Array.isArray,
  isBoolean: is('boolean'),
  isBuffer: (value) => Buffer.isBuffer(value),
  isDate: types.isDate,
  isError: (value) => value instanceof Error,
  isFunction: is('function'),
  isNull: (value) => value === null,
  isNullOrUndefined: (value) => value === null || value === undefined,
  isNumber: is('number'),
  isObject: (value) => value !== null && typeof value === 'object',
  isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
  isRegExp: types.isRegExp,
  isString: is('string'),
  isSymbol: is('symbol'),
  isUndefined: is('undefined'),
  _extend: (target, source) => (source !== null && typeof source === 'object' ? Object.assign(target, source) : target),
};
