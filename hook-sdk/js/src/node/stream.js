'use strict'
// Node's streams, by the package that is made from Node's own sources.
module.exports = require('npm:readable-stream/lib/stream')
