'use strict';
// Node's timers: objects around the engine's numbers. What a callback throws is logged and ends no call.
const { timerRef } = require('./host');
const host = require('./primordials');
const { uncaught } = require('./uncaught');
const { invalidArgument } = require('./errors');

const running = new Map();
const promisify = Symbol.for('nodejs.util.promisify.custom');

class Timeout {
  constructor(callback, delay, values, repeats) {
    this._onTimeout = callback;
    this._values = values;
    delay = Number(delay);
    this._idleTimeout = delay >= 1 && delay <= 0x7fffffff ? Math.trunc(delay) : 1;
    this._repeat = repeats ? this._idleTimeout : null;
    this._ref = true;
    this._start();
  }

  _start() {
    const fire = () => {
      if (this._repeat === null) running.delete(this._id);
      try {
        this._onTimeout(...this._values);
      } catch (error) {
        uncaught(error, 'uncaughtException');
      }
    };
    this._id =
      this._repeat === null ? host.setTimeout(fire, this._idleTimeout) : host.setInterval(fire, this._idleTimeout);
    running.set(this._id, this);
    if (!this._ref) timerRef(this._id, false);
  }

  _stop() {
    running.delete(this._id);
    if (this._repeat === null) host.clearTimeout(this._id);
    else host.clearInterval(this._id);
  }

  ref() {
    return this._keep(true);
  }

  /** Work after the reply does not wait for it. */
  unref() {
    return this._keep(false);
  }

  _keep(isKept) {
    this._ref = isKept;
    if (running.has(this._id)) timerRef(this._id, isKept);
    return this;
  }

  hasRef() {
    return this._ref;
  }

  refresh() {
    this._stop();
    this._start();
    return this;
  }

  close() {
    this._stop();
    return this;
  }

  [Symbol.toPrimitive]() {
    return this._id;
  }
}

class Immediate {
  constructor(callback, values) {
    this._id = host.setImmediate(() => {
      try {
        callback(...values);
      } catch (error) {
        uncaught(error, 'uncaughtException');
      }
    });
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  hasRef() {
    return true;
  }
}

function checked(callback) {
  if (typeof callback !== 'function') throw invalidArgument('callback', 'function', callback);
  return callback;
}

function setTimeout(callback, delay, ...values) {
  return new Timeout(checked(callback), delay, values, false);
}

function setInterval(callback, delay, ...values) {
  return new Timeout(checked(callback), delay, values, true);
}

function setImmediate(callback, ...values) {
  return new Immediate(checked(callback), values);
}

function clearTimeout(timer) {
  if (timer instanceof Timeout) timer._stop();
  else if (timer !== null && timer !== undefined && typeof timer !== 'object') running.get(Number(timer))?._stop();
}

function clearImmediate(immediate) {
  if (immediate instanceof Immediate) host.clearImmediate(immediate._id);
}

function queueMicrotask(callback) {
  checked(callback);
  host.queueMicrotask(() => {
    try {
      callback();
    } catch (error) {
      uncaught(error, 'uncaughtException');
    }
  });
}

function aborted(signal) {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/** A timer as a promise, as of `timers/promises`. */
function later(start, stop) {
  return (delay, value, { signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(aborted(signal));
      const timer = start(() => {
        signal?.removeEventListener('abort', end);
        resolve(value);
      }, delay);
      const end = () => {
        stop(timer);
        reject(aborted(signal));
      };
      signal?.addEventListener('abort', end, { once: true });
    });
}

const promises = {
  setTimeout: later(setTimeout, clearTimeout),
  setImmediate: (value, options) => later((done) => setImmediate(done), clearImmediate)(0, value, options),
  async *setInterval(delay, value, { signal } = {}) {
    for (;;) {
      await promises.setTimeout(delay, undefined, { signal });
      yield value;
    }
  },
  scheduler: {
    wait: (delay, options) => promises.setTimeout(delay, undefined, options),
    yield: () => promises.setImmediate(),
  },
};
Object.defineProperty(setTimeout, promisify, { value: promises.setTimeout });
Object.defineProperty(setImmediate, promisify, { value: promises.setImmediate });

const globals = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval: clearTimeout,
  setImmediate,
  clearImmediate,
  queueMicrotask,
};
const { queueMicrotask: _, ...exported } = globals;

module.exports = { globals, promises, module: { ...exported, promises, Timeout, Immediate } };
