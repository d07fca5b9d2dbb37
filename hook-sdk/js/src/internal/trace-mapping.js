'use strict';
module.exports = require('@jridgewell/trace-mapping');
