'use strict';
// AsyncLocalStorage follows promises through `run` as long as one call is handled at a time, which is so in an instance.
class AsyncLocalStorage {
  #store;

  getStore() {
    return this.#store;
  }

  run(store, callback, ...values) {
    const before = this.#store;
    this.#store = store;
    let result;
    try {
      result = callback(...values);
    } catch (error) {
      this.#store = before;
      throw error;
    }
    if (typeof result?.then !== 'function') {
      this.#store = before;
      return result;
    }
    const end = () => {
      this.#store = before;
    };
    result.then(end, end);
    return result;
  }

  exit(callback, ...values) {
    return this.run(undefined, callback, ...values);
  }

  enterWith(store) {
    this.#store = store;
  }

  disable() {
    this.#store = undefined;
  }

  static bind(callback) {
    return callback;
  }

  static snapshot() {
    return (callback, ...values) => callback(...values);
  }
}

let ids = 1;

class AsyncResource {
  constructor(type) {
    this.type = type;
    this._id = ++ids;
  }

  runInAsyncScope(callback, receiver, ...values) {
    return callback.apply(receiver, values);
  }

  emitDestroy() {
    return this;
  }

  asyncId() {
    return this._id;
  }

  triggerAsyncId() {
    return 0;
  }

  bind(callback, receiver) {
    return receiver === undefined ? callback : callback.bind(receiver);
  }

  static bind(callback, _, receiver) {
    return receiver === undefined ? callback : callback.bind(receiver);
  }
}

module.exports = {
  AsyncLocalStorage,
  AsyncResource,
  createHook() {
    return {
      enable() {
        return this;
      },
      disable() {
        return this;
      },
    };
  },
  executionAsyncId: () => 1,
  triggerAsyncId: () => 0,
  executionAsyncResource: () => ({}),
  asyncWrapProviders: {},
};
