'use strict';
// structuredClone of the HTML standard, for the language's own types.
const types = require('util').types;

const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

function refuse(value) {
  const shown =
    typeof value === 'function'
      ? String(value).slice(0, 60)
      : typeof value === 'symbol'
        ? String(value)
        : `#<${value?.constructor?.name ?? 'Object'}>`;
  throw new DOMException(`${shown} could not be cloned.`, 'DataCloneError');
}

function cloneBuffer(buffer, { seen, transferred }) {
  const known = seen.get(buffer);
  if (known) return known;
  const copy = transferred.has(buffer) ? buffer.transfer() : buffer.slice(0);
  seen.set(buffer, copy);
  return copy;
}

function cloneError(error, state) {
  const name = Object.hasOwn(errors, error.name) ? error.name : 'Error';
  const made = new errors[name]();
  state.seen.set(error, made);
  for (const key of ['message', 'stack', 'cause']) {
    const descriptor = Object.getOwnPropertyDescriptor(error, key);
    if (!descriptor || !('value' in descriptor)) continue;
    const value = key === 'cause' ? clone(descriptor.value, state) : `${descriptor.value}`;
    Object.defineProperty(made, key, { value, writable: true, configurable: true, enumerable: false });
  }
  return made;
}

function cloneSpecial(value, state) {
  const keep = (copy) => (state.seen.set(value, copy), copy);
  if (types.isDate(value)) return keep(new Date(value.getTime()));
  if (types.isRegExp(value)) return keep(new RegExp(value.source, value.flags));
  if (types.isBoxedPrimitive(value)) {
    const plain = value.valueOf();
    return typeof plain === 'symbol' ? refuse(value) : keep(Object(plain));
  }
  if (types.isArrayBuffer(value)) return cloneBuffer(value, state);
  if (ArrayBuffer.isView(value)) {
    const buffer = cloneBuffer(value.buffer, state);
    const Type = types.isDataView(value) ? DataView : globalThis[typeName(value)];
    return keep(new Type(buffer, value.byteOffset, types.isDataView(value) ? value.byteLength : value.length));
  }
  if (types.isMap(value)) {
    const entries = [...value];
    const copy = keep(new Map());
    for (const [key, item] of entries) copy.set(clone(key, state), clone(item, state));
    return copy;
  }
  if (types.isSet(value)) {
    const items = [...value];
    const copy = keep(new Set());
    for (const item of items) copy.add(clone(item, state));
    return copy;
  }
  if (types.isNativeError(value)) return cloneError(value, state);
  if (types.isPromise(value) || types.isWeakMap(value) || types.isWeakSet(value) || types.isGeneratorObject(value))
    refuse(value);
  return undefined;
}

const arrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;
const typeName = (value) => arrayTag.call(value);

function clone(value, state) {
  if (typeof value === 'function' || typeof value === 'symbol') refuse(value);
  if (value === null || typeof value !== 'object') return value;
  const known = state.seen.get(value);
  if (known) return known;
  const special = cloneSpecial(value, state);
  if (special !== undefined) return special;
  const copy = Array.isArray(value) ? new Array(value.length) : {};
  state.seen.set(value, copy);
  for (const key of Object.keys(value)) {
    Object.defineProperty(copy, key, {
      value: clone(value[key], state),
      writable: true,
      configurable: true,
      enumerable: true,
    });
  }
  return copy;
}

function structuredClone(value, options) {
  if (arguments.length === 0) throw new TypeError("The 'value' argument must be specified");
  const transferred = new Set(options?.transfer);
  for (const one of transferred) if (!types.isArrayBuffer(one)) refuse(one);
  return clone(value, { seen: new Map(), transferred });
}

module.exports = { structuredClone };
