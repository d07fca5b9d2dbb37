'use strict';
module.exports = require('internal:http-module')('http:');
