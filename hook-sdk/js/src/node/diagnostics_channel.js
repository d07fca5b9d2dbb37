'use strict';
const channels = new Map();

class Channel {
  constructor(name) {
    this.name = name;
    this._subscribers = [];
  }

  get hasSubscribers() {
    return this._subscribers.length > 0;
  }

  publish(message) {
    for (const subscriber of this._subscribers) subscriber(message, this.name);
  }

  subscribe(subscriber) {
    this._subscribers.push(subscriber);
  }

  unsubscribe(subscriber) {
    const at = this._subscribers.indexOf(subscriber);
    if (at < 0) return false;
    this._subscribers.splice(at, 1);
    return true;
  }

  bindStore() {}
  unbindStore() {}

  runStores(message, callback, receiver, ...values) {
    this.publish(message);
    return callback.apply(receiver, values);
  }
}

function channel(name) {
  if (!channels.has(name)) channels.set(name, new Channel(name));
  return channels.get(name);
}

function tracingChannel(name) {
  const parts = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((part) => [part, channel(`tracing:${name}:${part}`)]),
  );
  return {
    ...parts,
    hasSubscribers: false,
    subscribe() {},
    unsubscribe() {},
    traceSync: (callback, _, receiver, ...values) => callback.apply(receiver, values),
    tracePromise: (callback, _, receiver, ...values) => callback.apply(receiver, values),
    traceCallback: (callback, _position, _context, receiver, ...values) => callback.apply(receiver, values),
  };
}

module.exports = {
  Channel,
  channel,
  hasSubscribers: (name) => channels.get(name)?.hasSubscribers ?? false,
  subscribe: (name, subscriber) => channel(name).subscribe(subscriber),
  unsubscribe: (name, subscriber) => channel(name).unsubscribe(subscriber),
  tracingChannel,
};
