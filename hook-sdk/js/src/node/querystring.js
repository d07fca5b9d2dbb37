'use strict';
module.exports = require('npm:unenv/node/querystring');
