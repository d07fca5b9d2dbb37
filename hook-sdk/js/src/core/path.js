'use strict';
const path = require('npm:path-browserify');

path.posix = path;
path.win32 = path;
path.toNamespacedPath = (name) => name;

module.exports = path;
