'use strict';
// URL and URLSearchParams of the URL standard, by core-js.
const URL = require('core-js-pure/actual/url');
const URLSearchParams = require('core-js-pure/actual/url-search-params');

module.exports = { URL, URLSearchParams };
