'use strict';
// Exceptions that nobody caught. They end no call; a listener of `process` takes them, else they are logged.
const log = require('./log');
const { inspect } = require('./inspect');
const { stackOf } = require('./stack');

function textOf(value) {
  try {
    return value instanceof Error ? inspect(value) : `Uncaught ${inspect(value)}`;
  } catch {
    return stackOf(value);
  }
}

/** `kind` is the name of Node's event. */
function uncaught(value, kind, promise) {
  const { process } = globalThis;
  try {
    if (process?.listenerCount?.(kind) > 0) {
      process.emit(kind, value, kind === 'unhandledRejection' ? (promise ?? Promise.resolve()) : kind);
      return;
    }
  } catch (thrown) {
    value = thrown;
  }
  const text = textOf(value);
  if (kind !== 'unhandledRejection') log.error(text.startsWith('Uncaught') ? text : `Uncaught ${text}`);
  else if (value instanceof Error) log.error(`(node:1) UnhandledPromiseRejectionWarning: ${text}`);
  else {
    log.error(
      '(node:1) UnhandledPromiseRejectionWarning: This error originated either by throwing inside of an async function ' +
        'without a catch block, or by rejecting a promise which was not handled with .catch(). The promise rejected with ' +
        `the reason "${text.replace(/^Uncaught /, '')}".`,
    );
  }
}

module.exports = { uncaught };
