'use strict';
// AbortController and AbortSignal of the DOM standard.
const { Event, EventTarget, handlerAttribute } = require('web:events');

let abort;
const key = Symbol('only AbortController makes a signal');

class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  #followers = [];

  constructor(given) {
    if (given !== key) throw new TypeError('Illegal constructor');
    super();
  }

  get aborted() {
    return this.#aborted;
  }

  get reason() {
    return this.#reason;
  }

  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }

  static {
    abort = (signal, reason) => signal.#abort(reason);
  }

  #abort(reason) {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason;
    for (const follower of this.#followers) follower.#abort(this.#reason);
    this.#followers = [];
    this.dispatchEvent(new Event('abort'));
  }

  static abort(reason) {
    const signal = new AbortSignal(key);
    abort(signal, reason);
    return signal;
  }

  static timeout(milliseconds) {
    const signal = new AbortSignal(key);
    setTimeout(
      () => abort(signal, new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
      milliseconds,
    ).unref();
    return signal;
  }

  static any(signals) {
    const signal = new AbortSignal(key);
    const all = [...signals];
    const first = all.find((one) => one.aborted);
    if (first) abort(signal, first.reason);
    else for (const one of all) one.#followers.push(signal);
    return signal;
  }

  get [Symbol.toStringTag]() {
    return 'AbortSignal';
  }
}
handlerAttribute(AbortSignal.prototype, 'abort');

class AbortController {
  #signal = new AbortSignal(key);

  get signal() {
    return this.#signal;
  }

  abort(reason) {
    abort(this.#signal, reason);
  }

  get [Symbol.toStringTag]() {
    return 'AbortController';
  }
}

module.exports = { AbortController, AbortSignal };
