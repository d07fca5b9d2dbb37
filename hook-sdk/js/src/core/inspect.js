'use strict';
// Node's own inspector, extracted from it.
const extracted = require('node-inspect-extracted');

module.exports = {
  inspect: extracted.inspect,
  format: extracted.format,
  formatWithOptions: extracted.formatWithOptions,
  stripVTControlCharacters: extracted.stripVTControlCharacters,
};
