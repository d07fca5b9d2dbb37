'use strict';
// Web streams, by the reference implementation's polyfill.
module.exports = require('web-streams-polyfill');
