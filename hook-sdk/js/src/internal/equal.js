'use strict';
// Deep comparison as of assert.deepEqual and util.isDeepStrictEqual.
const types = require('util').types;

function sameKeys(left, right, strict, seen) {
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  for (const key of keys) if (!Object.hasOwn(right, key) || !equal(left[key], right[key], strict, seen)) return false;
  if (!strict) return true;
  const symbols = (value) =>
    Object.getOwnPropertySymbols(value).filter((one) => Object.prototype.propertyIsEnumerable.call(value, one));
  const own = symbols(left);
  return own.length === symbols(right).length && own.every((one) => equal(left[one], right[one], strict, seen));
}

function sameSets(left, right, strict, seen) {
  if (left.size !== right.size) return false;
  const rest = new Set(right);
  for (const item of left) {
    if (rest.delete(item)) continue;
    let found = false;
    for (const other of rest) {
      if (!equal(item, other, strict, seen)) continue;
      rest.delete(other);
      found = true;
      break;
    }
    if (!found) return false;
  }
  return true;
}

function sameMaps(left, right, strict, seen) {
  if (left.size !== right.size) return false;
  for (const [key, value] of left) {
    if (right.has(key) ? !equal(value, right.get(key), strict, seen) : !hasEntry(right, key, value, strict, seen))
      return false;
  }
  return true;
}

function hasEntry(map, key, value, strict, seen) {
  for (const [otherKey, other] of map) {
    if (typeof otherKey === 'object' && equal(key, otherKey, strict, seen) && equal(value, other, strict, seen))
      return true;
  }
  return false;
}

function equal(left, right, strict, seen) {
  if (left === right) return left !== 0 || !strict || Object.is(left, right);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return strict ? Object.is(left, right) : left == right || (left !== left && right !== right);
  }
  if (strict && Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  if (Object.prototype.toString.call(left) !== Object.prototype.toString.call(right)) return false;
  if (Array.isArray(left) !== Array.isArray(right) || (Array.isArray(left) && left.length !== right.length))
    return false;
  if (types.isDate(left) && types.isDate(right) && left.getTime() !== right.getTime()) return false;
  if (types.isRegExp(left) && String(left) !== String(right)) return false;
  if (types.isNativeError(left) && (left.message !== right.message || left.name !== right.name)) return false;
  if (types.isBoxedPrimitive(left) && !Object.is(left.valueOf(), right.valueOf())) return false;
  if (types.isArrayBuffer(left)) return equal(new Uint8Array(left), new Uint8Array(right), strict, seen);
  if (ArrayBuffer.isView(left) && left.byteLength !== right.byteLength) return false;
  if (seen.get(left) === right) return true;
  seen.set(left, right);
  const same = types.isSet(left)
    ? sameSets(left, right, strict, seen)
    : types.isMap(left)
      ? sameMaps(left, right, strict, seen)
      : true;
  const all = same && sameKeys(left, right, strict, seen);
  seen.delete(left);
  return all;
}

module.exports = {
  deepStrictEqual: (left, right) => equal(left, right, true, new Map()),
  deepEqual: (left, right) => equal(left, right, false, new Map()),
};
