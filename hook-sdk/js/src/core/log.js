'use strict';
// One record per call of console.
const host = require('./host');

module.exports = {
  debug: (text) => host.log('debug', text),
  info: (text) => host.log('info', text),
  warn: (text) => host.log('warn', text),
  error: (text) => host.log('error', text),
};
