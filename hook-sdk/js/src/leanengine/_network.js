'use strict';
// Methods and classes of the storage that exist in name: what would ask it rejects.
const { storage: why } = require('internal:unsupported');
const { refuse } = require('./_refusal');

/** Puts methods that ask the storage on `target`. */
function network(target, label, names) {
  for (const name of names) {
    Object.defineProperty(target, name, {
      value: () => refuse(`${label}${name}`, why),
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
}

class Unoffered {
  constructor(...values) {
    Object.assign(this, values[0] !== null && typeof values[0] === 'object' ? values[0] : {});
  }
}
function unoffered(label, methods, statics = methods) {
  const Class = { [label]: class extends Unoffered {} }[label];
  network(Class.prototype, `AV.${label}.`, methods);
  network(Class, `AV.${label}.`, statics);
  return Class;
}

module.exports = { network, unoffered };
