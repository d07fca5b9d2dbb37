'use strict';
module.exports = require('web:streams');
