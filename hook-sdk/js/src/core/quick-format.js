'use strict';
// What hooks print most, such as the params of a call, formatted without the inspector: plain objects, short lists, texts and
// numbers. It gives the same text in a fifth of the time, or nothing, and then the inspector is asked.
const DEPTH = 2;
const LINE_WIDTH = 80;
/** Longer lists are laid out in columns. */
const MOST_ITEMS = 6;
const MOST_TEXT = 10_000;

const { getOwnPropertySymbols, getPrototypeOf, keys: keysOf } = Object;
const { isArray } = Array;
const ObjectPrototype = Object.prototype;
const { __lookupGetter__: getterOf, __lookupSetter__: setterOf } = ObjectPrototype;
const ArrayPrototype = Array.prototype;

const needsCare = /[\x00-\x1f\x27\x5c\x7f-\x9f\ud800-\udfff]/;
const MOST_KEYS = 1_000;
/** Keys that were seen to need no quotes; those of the hooks' params are known from the start. */
const plainKeys = new Set(
  (
    'fromPeer convId toPeers transient content receipt timestamp system sourceIP bin noPersist pushMessage force skip drop code ' +
    'detail offlinePeers onlinePeers isSync members attr initBy sortBy name peerId tag reconnect clientId msgId recall id data'
  ).split(' '),
);
const plainKey = /^[a-zA-Z_][a-zA-Z_0-9]*$/;

/** Thrown where only the inspector knows. */
const unknown = {};

function text(value) {
  if (value.length > MOST_TEXT || needsCare.test(value)) throw unknown;
  return `'${value}'`;
}

/** `outer` are the objects around the value; `column` is how far it is moved to the right. */
function format(value, outer, column) {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
      return value === 0 && 1 / value < 0 ? '-0' : `${value}`;
    case 'boolean':
    case 'undefined':
      return `${value}`;
    case 'bigint':
      return `${value}n`;
    case 'object':
      return value === null ? 'null' : formatObject(value, outer, column);
    default:
      throw unknown;
  }
}

function isPlainKey(key) {
  if (plainKeys.has(key)) return true;
  if (!plainKey.test(key)) return false;
  if (plainKeys.size < MOST_KEYS) plainKeys.add(key);
  return true;
}

function formatObject(value, outer, column) {
  const isList = isArray(value);
  if (getPrototypeOf(value) !== (isList ? ArrayPrototype : ObjectPrototype)) throw unknown;
  const keys = keysOf(value);
  const count = keys.length;
  if (getOwnPropertySymbols(value).length > 0) throw unknown;
  if (isList && (count !== value.length || count > MOST_ITEMS)) throw unknown;
  if (count === 0) return isList ? '[]' : '{}';
  if (outer.length > DEPTH) return isList ? '[Array]' : '[Object]';
  if (outer.includes(value)) throw unknown;
  outer.push(value);
  const parts = [];
  let width = 2 * count + column + 11;
  let isOneLine = true;
  // Iterators and descriptors would take most of the time here.
  for (let at = 0; at < count; at++) {
    const key = keys[at];
    if (key === 'constructor' || getterOf.call(value, key) || setterOf.call(value, key)) throw unknown;
    let part = format(value[key], outer, column + 2);
    if (!isList) part = (isPlainKey(key) ? key : text(key)) + ': ' + part;
    width += part.length;
    if (width <= LINE_WIDTH && part.includes('\n')) isOneLine = false;
    parts.push(part);
  }
  outer.pop();
  const open = isList ? '[' : '{';
  const close = isList ? ']' : '}';
  if (isOneLine && width <= LINE_WIDTH) return `${open} ${parts.join(', ')} ${close}`;
  const indentation = `\n${' '.repeat(column)}`;
  return `${open}${indentation}  ${parts.join(`,${indentation}  `)}${indentation}${close}`;
}

/** The arguments of a console method as a line, or undefined. */
function quickFormat(values) {
  let line = '';
  if (values.length > 1 && typeof values[0] === 'string' && values[0].includes('%')) return undefined;
  try {
    for (let at = 0; at < values.length; at++) {
      if (at > 0) line += ' ';
      const value = values[at];
      line += typeof value === 'string' ? value : format(value, [], 0);
    }
  } catch (thrown) {
    if (thrown !== unknown) throw thrown;
    return undefined;
  }
  return line;
}

module.exports = { quickFormat };
