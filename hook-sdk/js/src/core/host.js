'use strict';
// What the engine offers. Users' code does not get at it: the global is gone once the shim has been evaluated.
const host = globalThis.__host;
delete globalThis.__host;

module.exports = host;
