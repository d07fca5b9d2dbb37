'use strict';
// The engine's own functions, kept before anybody can put others in their place.
const { parse, stringify } = JSON;

module.exports = {
  Promise: globalThis.Promise,
  parse,
  stringify,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate,
  queueMicrotask: globalThis.queueMicrotask,
};
