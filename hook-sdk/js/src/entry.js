'use strict';
// What the engine evaluates first, and what it calls.
const host = require('./core/host');
const { install, stackOf, placeOf, firstLine } = require('./core/stack');

install();
require('./core/locale');
require('./core/globals');

const registry = require('./core/registry');
const { slip } = require('./core/hook-names');
const { uncaught } = require('./core/uncaught');
const { start } = require('./loader/module');
const { preload } = require('./loader/preload');
const { lazyGlobals } = require('./core/globals');

globalThis.__entry = {
  load() {
    start(host.bundle.entry);
    preload(lazyGlobals);
    for (const { name } of registry.definitions()) {
      const warning = slip(name);
      if (warning) host.log('warn', warning);
    }
    if (registry.neverFired.size > 0) {
      host.log(
        'warn',
        `registered, never fired: ${[...registry.neverFired].join(', ')} (object storage is not offered here)`,
      );
    }
  },
  definitions: registry.definitions,
  call: registry.call,
  uncaught(value, kind) {
    uncaught(value, kind);
    return true;
  },
  describeError(error) {
    const isError = error instanceof Error;
    return {
      message: isError ? firstLine(error) : describe(error),
      stack: isError ? stackOf(error) : '',
      ...placeOf(error),
    };
  },
};

function describe(value) {
  try {
    return typeof value === 'string' ? value : require('./core/inspect').inspect(value);
  } catch {
    return 'a value that cannot be shown';
  }
}
