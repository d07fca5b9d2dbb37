'use strict';
module.exports = { crypto: require('crypto').webcrypto };
