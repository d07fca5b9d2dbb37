'use strict';
// Event and EventTarget of the DOM standard, for targets without a tree.
const { uncaught } = require('internal:uncaught');

class Event {
  #type;
  #options;
  #prevented = false;
  _stopped = false;
  _target = null;
  _dispatched = false;
  timeStamp = performance.now();

  constructor(type, options = {}) {
    if (arguments.length === 0) throw new TypeError('The "type" argument must be specified');
    this.#type = `${type}`;
    this.#options = options ?? {};
    for (const name of ['_stopped', '_target', '_dispatched']) {
      Object.defineProperty(this, name, { enumerable: false, writable: true });
    }
  }

  get type() {
    return this.#type;
  }

  get target() {
    return this._target;
  }

  get currentTarget() {
    return this._dispatched ? this._target : null;
  }

  get srcElement() {
    return this._target;
  }

  get bubbles() {
    return Boolean(this.#options.bubbles);
  }

  get cancelable() {
    return Boolean(this.#options.cancelable);
  }

  get composed() {
    return Boolean(this.#options.composed);
  }

  get defaultPrevented() {
    return this.#prevented;
  }

  get returnValue() {
    return !this.#prevented;
  }

  get eventPhase() {
    return this._dispatched ? 2 : 0;
  }

  get isTrusted() {
    return false;
  }

  composedPath() {
    return this._dispatched ? [this._target] : [];
  }

  preventDefault() {
    if (this.cancelable) this.#prevented = true;
  }

  stopPropagation() {}

  stopImmediatePropagation() {
    this._stopped = true;
  }

  get [Symbol.toStringTag]() {
    return 'Event';
  }
}
Object.assign(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

class CustomEvent extends Event {
  #detail;

  constructor(type, options = {}) {
    super(type, options);
    this.#detail = options?.detail ?? null;
  }

  get detail() {
    return this.#detail;
  }
}

const listenersOf = new WeakMap();

class EventTarget {
  constructor() {
    listenersOf.set(this, new Map());
  }

  addEventListener(type, callback, options) {
    const all = listenersOf.get(this);
    if (callback === null || callback === undefined) return;
    const { capture, once, signal } = typeof options === 'object' && options !== null ? options : { capture: options };
    if (signal?.aborted) return;
    type = `${type}`;
    const list = all.get(type) ?? all.set(type, []).get(type);
    if (list.some((one) => one.callback === callback && one.capture === Boolean(capture))) return;
    list.push({ callback, capture: Boolean(capture), once: Boolean(once), removed: false });
    signal?.addEventListener('abort', () => this.removeEventListener(type, callback, options), { once: true });
  }

  removeEventListener(type, callback, options) {
    const capture = Boolean(typeof options === 'object' && options !== null ? options.capture : options);
    const list = listenersOf.get(this).get(`${type}`);
    const at = list?.findIndex((one) => one.callback === callback && one.capture === capture) ?? -1;
    if (at < 0) return;
    list[at].removed = true;
    list.splice(at, 1);
  }

  dispatchEvent(event) {
    if (!(event instanceof Event)) throw new TypeError('The "event" argument must be an instance of Event');
    if (event._dispatched) throw new DOMException('The event is already being dispatched', 'InvalidStateError');
    event._target = this;
    event._dispatched = true;
    for (const listener of [...(listenersOf.get(this).get(event.type) ?? [])]) {
      if (listener.removed) continue;
      if (listener.once) this.removeEventListener(event.type, listener.callback, listener.capture);
      try {
        const { callback } = listener;
        if (typeof callback === 'function') callback.call(this, event);
        else callback.handleEvent(event);
      } catch (error) {
        uncaught(error, 'uncaughtException');
      }
      if (event._stopped) break;
    }
    event._dispatched = false;
    return !event.defaultPrevented;
  }

  get [Symbol.toStringTag]() {
    return 'EventTarget';
  }
}

/** Gives `prototype` an attribute such as `onabort`. */
function handlerAttribute(prototype, type) {
  const handlers = new WeakMap();
  Object.defineProperty(prototype, `on${type}`, {
    get() {
      return handlers.get(this)?.handler ?? null;
    },
    set(handler) {
      const before = handlers.get(this);
      if (before) this.removeEventListener(type, before.listener);
      handlers.delete(this);
      if (typeof handler !== 'function') return;
      const listener = (event) => handler.call(this, event);
      handlers.set(this, { handler, listener });
      this.addEventListener(type, listener);
    },
    configurable: true,
    enumerable: true,
  });
}

module.exports = { Event, CustomEvent, EventTarget, handlerAttribute };
