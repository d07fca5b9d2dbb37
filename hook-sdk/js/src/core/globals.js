'use strict';
// What a module finds in its global scope. What few use is evaluated at its first use.
const builtins = require('./builtins');

function define(name, value) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}

define('global', globalThis);
for (const [name, value] of Object.entries(require('./timers').globals)) define(name, value);
const { TextEncoder, TextDecoder } = require('./text');
define('TextEncoder', TextEncoder);
define('TextDecoder', TextDecoder);
const buffer = require('./buffer');
define('Buffer', buffer.Buffer);
define('atob', buffer.atob);
define('btoa', buffer.btoa);
define('console', require('./console'));
define('process', require('./process'));

/** Name of a global, and the module that has it. */
const lazy = {
  URL: 'web:url',
  URLSearchParams: 'web:url',
  structuredClone: 'web:structured-clone',
  AbortController: 'web:abort',
  AbortSignal: 'web:abort',
  Event: 'web:events',
  EventTarget: 'web:events',
  CustomEvent: 'web:events',
  DOMException: 'web:dom-exception',
  ReadableStream: 'web:streams',
  WritableStream: 'web:streams',
  TransformStream: 'web:streams',
  ByteLengthQueuingStrategy: 'web:streams',
  CountQueuingStrategy: 'web:streams',
  TextDecoderStream: 'web:text-streams',
  TextEncoderStream: 'web:text-streams',
  Blob: 'web:blob',
  File: 'web:blob',
  FormData: 'web:form-data',
  Headers: 'web:headers',
  Request: 'web:request',
  Response: 'web:response',
  fetch: 'web:fetch',
  crypto: 'web:crypto',
  performance: 'web:performance',
  MessageChannel: 'web:message-channel',
  MessagePort: 'web:message-channel',
};

for (const [name, module] of Object.entries(lazy)) {
  Object.defineProperty(globalThis, name, {
    get() {
      const value = builtins.load(module)[name];
      // A package that looks whether there is one already, while it makes it.
      if (value !== undefined) define(name, value);
      return value;
    },
    set: (value) => define(name, value),
    configurable: true,
    enumerable: false,
  });
}

module.exports = { lazyGlobals: Object.keys(lazy) };
