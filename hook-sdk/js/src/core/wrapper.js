'use strict';
// Node's function around a module, on the module's first line, so that lines keep their numbers.
module.exports = {
  before: '(function (exports, require, module, __filename, __dirname) { ',
  after: '\n})',
};
