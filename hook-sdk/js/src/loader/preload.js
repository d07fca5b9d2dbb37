'use strict'
// What the modules of a bundle name is made ready before the snapshot, where it costs no call anything.
const host = require('../core/host')
const builtins = require('../core/builtins')
const { cache } = require('./module')

/** Reads every global that one of the modules names, and loads what they require in functions. */
function preload(globals) {
  const names = new RegExp(`(?<![.\\w$])(?:${globals.join('|')})(?![\\w$])`, 'g')
  const requires = /\brequire\(\s*(['"])([\w:/-]+)\1\s*\)/g
  const found = new Set()
  for (const file of Object.keys(cache)) {
    const source = host.moduleSource(file)?.source
    if (source === undefined) continue
    for (const [name] of source.matchAll(names)) found.add(name)
    for (const [, , request] of source.matchAll(requires)) {
      if (!builtins.has(request)) continue
      try {
        builtins.load(request)
      } catch {
        // It fails again, with its text, where it is used.
      }
    }
  }
  for (const name of found) void globalThis[name]
}

module.exports = { preload }
