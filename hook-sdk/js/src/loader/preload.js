'use strict';
// What the modules of a bundle name is made ready before the snapshot, where it costs no call anything.
const host = require('../core/host');
const builtins = require('../core/builtins');
const { cache } = require('./module');

/** What is used by the way where one of these is. */
const companions = {
  fetch: ['Request', 'Response', 'Headers', 'URL', 'URLSearchParams', 'Blob', 'FormData', 'AbortController'],
  Request: ['Headers', 'URL', 'URLSearchParams', 'Blob', 'FormData'],
  Response: ['Headers', 'URLSearchParams', 'Blob', 'FormData'],
  FormData: ['Blob', 'File'],
};

/** Characters of packages that are looked through: a release does not wait for more. The project's own files all are. */
const MOST_OF_PACKAGES = 1_000_000;

/** The texts to look through, and whether they have a source map. */
function* sources() {
  const files = Object.keys(cache);
  const isPackage = (file) => file.includes('/node_modules/');
  let left = MOST_OF_PACKAGES;
  for (const file of [...files.filter((one) => !isPackage(one)), ...files.filter(isPackage)]) {
    const found = host.moduleSource(file);
    if (found === undefined) continue;
    if (isPackage(file)) {
      if (found.source.length > left) continue;
      left -= found.source.length;
    }
    yield found;
  }
}

/** Reads every global that one of the modules names, and loads what they require in functions. */
function preload(globals) {
  const names = new RegExp(`(?<![.\\w$])(?:${globals.join('|')})(?![\\w$])`, 'g');
  const requires = /\brequire\(\s*(['"])([\w:/-]+)\1\s*\)/g;
  const found = new Set();
  for (const { source, map } of sources()) {
    for (const [name] of source.matchAll(names)) found.add(name);
    // A function of another app, by AV.Cloud.run.
    if (/\bremote\s*:\s*true\b/.test(source)) found.add('fetch');
    if (/\bcreate(?:C|Dec)ipheriv\b/.test(source)) builtins.load('internal:ciphers');
    if (map) builtins.load('internal:trace-mapping');
    for (const [, , request] of source.matchAll(requires)) {
      if (!builtins.has(request)) continue;
      try {
        builtins.load(request);
      } catch {
        // It fails again, with its text, where it is used.
      }
    }
  }
  for (const name of [...found].flatMap((one) => [one, ...(companions[one] ?? [])])) void globalThis[name];
}

module.exports = { preload };
