'use strict';
// util.types: by the engine's own tags, which no script can put on a value of another kind.
const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);
const isObject = (value) => value !== null && typeof value === 'object';

/** Whether a method that only works on one kind of object works on `value`. */
function answers(method, ...values) {
  return (value) => {
    if (!isObject(value)) return false;
    try {
      method.call(value, ...values);
      return true;
    } catch {
      return false;
    }
  };
}

const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
const arrayTag = getter(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
const typed = (name) => (value) => arrayTag.call(value) === name;
const boxed = (type) => answers(type.prototype.valueOf);

const types = {
  isAnyArrayBuffer: (value) => types.isArrayBuffer(value) || types.isSharedArrayBuffer(value),
  isArrayBuffer: answers(getter(ArrayBuffer.prototype, 'byteLength')),
  isArrayBufferView: (value) => ArrayBuffer.isView(value),
  isArgumentsObject: (value) => tag(value) === 'Arguments' && !(Symbol.toStringTag in value),
  isAsyncFunction: (value) => typeof value === 'function' && /^Async(Generator)?Function$/.test(tag(value)),
  isBigIntObject: boxed(BigInt),
  isBooleanObject: boxed(Boolean),
  isBoxedPrimitive: (value) =>
    types.isNumberObject(value) ||
    types.isStringObject(value) ||
    types.isBooleanObject(value) ||
    types.isBigIntObject(value) ||
    types.isSymbolObject(value),
  isDataView: answers(getter(DataView.prototype, 'byteLength')),
  isDate: answers(Date.prototype.getTime),
  isExternal: () => false,
  isGeneratorFunction: (value) => typeof value === 'function' && /^(Async)?GeneratorFunction$/.test(tag(value)),
  isGeneratorObject: (value) => isObject(value) && tag(value) === 'Generator',
  isMap: answers(Map.prototype.has, undefined),
  isMapIterator: (value) => isObject(value) && tag(value) === 'Map Iterator',
  isModuleNamespaceObject: (value) => isObject(value) && value[Symbol.toStringTag] === 'Module',
  isNativeError: (value) => value instanceof Error,
  isNumberObject: boxed(Number),
  isPromise: (value) => value instanceof Promise,
  isProxy: () => false,
  isRegExp: answers(getter(RegExp.prototype, 'source')),
  isSet: answers(Set.prototype.has, undefined),
  isSetIterator: (value) => isObject(value) && tag(value) === 'Set Iterator',
  isSharedArrayBuffer: (value) => typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer,
  isStringObject: boxed(String),
  isSymbolObject: boxed(Symbol),
  isTypedArray: (value) => arrayTag.call(value) !== undefined,
  isWeakMap: answers(WeakMap.prototype.has, {}),
  isWeakSet: answers(WeakSet.prototype.has, {}),
};
for (const name of [
  'BigInt64Array',
  'BigUint64Array',
  'Float32Array',
  'Float64Array',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Uint16Array',
  'Uint32Array',
])
  types[`is${name}`] = typed(name);

module.exports = types;
