'use strict';
const { unsupported } = require('internal:errors');

function refuse() {
  throw unsupported('tty: there is no terminal inside the sandbox');
}

module.exports = { isatty: () => false, ReadStream: refuse, WriteStream: refuse };
