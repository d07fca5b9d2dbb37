'use strict';
module.exports = require('npm:punycode/');
