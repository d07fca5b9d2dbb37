'use strict';
// The package `events` is Node's emitter; what Node has got since is added here.
const EventEmitter = require('npm:events/');
const { coded } = require('./errors');

EventEmitter.captureRejectionSymbol = Symbol.for('nodejs.rejection');
EventEmitter.errorMonitor = Symbol('events.errorMonitor');
EventEmitter.captureRejections = false;
EventEmitter.usingDomains = false;

const { emit } = EventEmitter.prototype;
EventEmitter.prototype.emit = function (type, ...values) {
  if (type === 'error' && this._events?.[EventEmitter.errorMonitor])
    emit.call(this, EventEmitter.errorMonitor, ...values);
  return emit.call(this, type, ...values);
};

function aborted(signal) {
  return coded('ABORT_ERR', 'The operation was aborted', Error, { name: 'AbortError', cause: signal?.reason });
}

EventEmitter.once = function once(emitter, name, { signal } = {}) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(aborted(signal));
    if (typeof emitter.addEventListener === 'function') {
      return emitter.addEventListener(name, (...values) => resolve(values), { once: true });
    }
    const end = () => {
      emitter.removeListener(name, done);
      emitter.removeListener('error', failed);
      signal?.removeEventListener('abort', stopped);
    };
    const done = (...values) => (end(), resolve(values));
    const failed = (error) => (end(), reject(error));
    const stopped = () => (end(), reject(aborted(signal)));
    emitter.once(name, done);
    if (name !== 'error') emitter.once('error', failed);
    signal?.addEventListener('abort', stopped, { once: true });
  });
};

EventEmitter.on = function on(emitter, name, { signal } = {}) {
  const values = [];
  const waiting = [];
  let failure;
  let ended = false;
  const push = (...event) =>
    waiting.length ? waiting.shift().resolve({ value: event, done: false }) : values.push(event);
  const fail = (error) => (waiting.length ? waiting.shift().reject(error) : (failure = error));
  const stop = () => fail(aborted(signal));
  emitter.on(name, push);
  if (name !== 'error') emitter.on('error', fail);
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  return {
    next() {
      if (values.length) return Promise.resolve({ value: values.shift(), done: false });
      if (failure) {
        const error = failure;
        failure = undefined;
        return Promise.reject(error);
      }
      if (ended) return Promise.resolve({ value: undefined, done: true });
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    return() {
      ended = true;
      emitter.removeListener(name, push);
      emitter.removeListener('error', fail);
      signal?.removeEventListener('abort', stop);
      for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
      return Promise.resolve({ value: undefined, done: true });
    },
    throw(error) {
      fail(error);
      return this.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
};

EventEmitter.getEventListeners = (emitter, name) => emitter.listeners?.(name) ?? [];
EventEmitter.setMaxListeners = (count, ...emitters) => {
  for (const emitter of emitters) emitter.setMaxListeners?.(count);
};
EventEmitter.getMaxListeners = (emitter) => emitter.getMaxListeners?.() ?? EventEmitter.defaultMaxListeners;
EventEmitter.addAbortListener = (signal, listener) => {
  if (signal.aborted) queueMicrotask(() => listener());
  else signal.addEventListener('abort', listener, { once: true });
  return { [Symbol.dispose ?? Symbol.for('dispose')]: () => signal.removeEventListener('abort', listener) };
};

module.exports = EventEmitter;
