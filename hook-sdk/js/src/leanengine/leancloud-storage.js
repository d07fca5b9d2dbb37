'use strict';
module.exports = require('leanengine');
