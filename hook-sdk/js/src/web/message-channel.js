'use strict';
// Channels within one module: what is posted arrives as a copy, in a task of its own.
const { Event, EventTarget, handlerAttribute } = require('web:events');

class MessagePort extends EventTarget {
  #other;

  _join(other) {
    this.#other = other;
  }

  postMessage(message, options) {
    const data = structuredClone(message, Array.isArray(options) ? { transfer: options } : options);
    const other = this.#other;
    setImmediate(() => other?.dispatchEvent(Object.assign(new Event('message'), { data })));
  }

  start() {}
  ref() {}
  unref() {}

  close() {
    this.#other = undefined;
  }
}
handlerAttribute(MessagePort.prototype, 'message');

class MessageChannel {
  constructor() {
    this.port1 = new MessagePort();
    this.port2 = new MessagePort();
    this.port1._join(this.port2);
    this.port2._join(this.port1);
  }
}

module.exports = { MessageChannel, MessagePort };
