'use strict';
// The old functions by unenv, the classes by the standard's.
const old = require('npm:unenv/node/url');

module.exports = {
  Url: old.Url,
  parse: old.parse,
  format: (value, options) => (value instanceof URL ? formatted(value, options) : old.format(value)),
  resolve: old.resolve,
  resolveObject: old.resolveObject,
  URL: globalThis.URL,
  URLSearchParams: globalThis.URLSearchParams,
  domainToASCII: old.domainToASCII,
  domainToUnicode: old.domainToUnicode,
  fileURLToPath: (value) => decodeURIComponent(new URL(value).pathname),
  pathToFileURL: (path) =>
    new URL(`file://${encodeURI(require('path').resolve(path)).replace(/[?#]/g, encodeURIComponent)}`),
  urlToHttpOptions: (url) => ({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    hash: url.hash,
    search: url.search,
    pathname: url.pathname,
    path: `${url.pathname}${url.search}`,
    href: url.href,
    ...(url.port !== '' && { port: Number(url.port) }),
    ...((url.username || url.password) && {
      auth: `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`,
    }),
  }),
};

function formatted(url, { auth = true, fragment = true, search = true } = {}) {
  const copy = new URL(url.href);
  if (!auth) copy.username = copy.password = '';
  if (!fragment) copy.hash = '';
  if (!search) copy.search = '';
  return copy.href;
}
