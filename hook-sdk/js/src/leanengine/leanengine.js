'use strict';
// The module `leanengine`: functions and hooks are registered and called as LeanEngine does it.
module.exports = require('./_av');
