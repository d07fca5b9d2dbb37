'use strict';
// Node's rules for finding a module, over the files of the bundle. For what the builder could not know.
const builtins = require('../core/builtins');
const host = require('../core/host');
const path = require('../core/path');
const { parse } = require('../core/primordials');

const extensions = ['.js', '.json', '.cjs', '.ts', '.mjs', '.cts', '.mts', '.tsx', '.jsx'];
const conditions = new Set(['node', 'require', 'default']);

let files;
let folders;

function look() {
  files = new Set(host.paths());
  folders = new Set();
  for (const file of files) {
    for (let folder = path.dirname(file); !folders.has(folder); folder = path.dirname(folder)) folders.add(folder);
  }
}

function isFile(name) {
  if (!files) look();
  return files.has(name);
}

function isFolder(name) {
  if (!files) look();
  return folders.has(name);
}

function manifest(folder) {
  const file = path.join(folder, 'package.json');
  if (!isFile(file)) return undefined;
  try {
    return parse(host.utf8Decode(host.fileBytes(file), false));
  } catch {
    return undefined;
  }
}

function asFile(name) {
  if (isFile(name)) return name;
  return extensions.map((extension) => name + extension).find(isFile);
}

function asFolder(name) {
  const main = manifest(name)?.main;
  if (typeof main === 'string') {
    const target = path.join(name, main);
    const found = asFile(target) ?? asFile(path.join(target, 'index'));
    if (found) return found;
  }
  return asFile(path.join(name, 'index'));
}

function at(name) {
  const plain = name.length > 1 && name.endsWith('/') ? name.slice(0, -1) : name;
  return (plain === name ? asFile(name) : undefined) ?? (isFolder(plain) ? asFolder(plain) : undefined);
}

/** What an entry of `exports` or `imports` stands for. */
function target(entry, star) {
  if (typeof entry === 'string') return star === undefined ? entry : entry.replaceAll('*', star);
  if (Array.isArray(entry)) return entry.map((one) => target(one, star)).find((one) => one !== undefined);
  if (entry === null || typeof entry !== 'object') return undefined;
  for (const [condition, inner] of Object.entries(entry)) {
    if (!conditions.has(condition)) continue;
    const found = target(inner, star);
    if (found !== undefined) return found;
  }
  return undefined;
}

function among(table, name) {
  if (Object.hasOwn(table, name)) return target(table[name]);
  for (const [pattern, entry] of Object.entries(table)) {
    const [head, tail] = pattern.split('*');
    if (tail === undefined || !name.startsWith(head) || !name.endsWith(tail) || name.length < head.length + tail.length)
      continue;
    return target(entry, name.slice(head.length, name.length - tail.length));
  }
  return undefined;
}

function inPackage(folder, subpath) {
  const { exports } = manifest(folder) ?? {};
  if (exports === undefined || exports === null) return at(subpath === '.' ? folder : path.join(folder, subpath));
  const table =
    typeof exports === 'string' || Array.isArray(exports) || !Object.keys(exports)[0]?.startsWith('.')
      ? { '.': exports }
      : exports;
  const found = among(table, subpath);
  return found === undefined ? undefined : asFile(path.join(folder, found));
}

/** The folders in which Node looks for packages, from `folder` upwards. */
function packageFolders(folder) {
  const found = [];
  for (; ; folder = path.dirname(folder)) {
    if (path.basename(folder) !== 'node_modules') found.push(path.join(folder, 'node_modules'));
    if (folder === '/') return found;
  }
}

function byImports(request, folder) {
  for (; ; folder = path.dirname(folder)) {
    const imports = manifest(folder)?.imports;
    if (imports) {
      const found = among(imports, request);
      if (builtins.has(found)) return found;
      return found?.startsWith('.') ? asFile(path.join(folder, found)) : found && resolve(found, folder);
    }
    if (folder === '/') return undefined;
  }
}

/** The file that `request` means in a module of `folder`, or undefined. */
function resolve(request, folder) {
  if (request.startsWith('#')) return byImports(request, folder);
  if (/^\.{0,2}(\/|$)/.test(request)) {
    const name = path.resolve(folder, request);
    return at(/(^|\/)\.{0,2}$/.test(request) ? `${name}/` : name);
  }
  const [, name, rest] = /^((?:@[^/]+\/)?[^/]+)(\/.*)?$/.exec(request) ?? [];
  if (name === undefined) return undefined;
  for (const parent of packageFolders(folder)) {
    if (!isFolder(path.join(parent, name))) continue;
    const found = inPackage(path.join(parent, name), rest === '/' ? '.' : `.${rest ?? ''}`);
    if (found) return found;
  }
  return undefined;
}

module.exports = { resolve, packageFolders, isFile, isFolder, manifest };
