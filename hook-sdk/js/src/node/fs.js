'use strict';
// The project's files, to be read. Writing is refused with the reason.
const host = require('internal:host');
const path = require('path');
const constants = require('constants');
const { coded, unsupported, invalidArgument } = require('internal:errors');
const reasons = require('internal:unsupported');
const { Readable } = require('stream');

// Names of files and folders: looked at once, before the snapshot.
const folders = new Map([['/', new Set()]]);
const files = new Set();
for (const file of host.paths()) {
  files.add(file);
  let name = file;
  while (name !== '/') {
    const folder = path.dirname(name);
    const known = folders.has(folder);
    if (!known) folders.set(folder, new Set());
    folders.get(folder).add(path.basename(name));
    if (known && folder !== '/') break;
    name = folder;
  }
}
const opened = new Date();

function nameOf(given) {
  let name = given;
  if (given instanceof URL) name = decodeURIComponent(given.pathname);
  else if (ArrayBuffer.isView(given)) name = Buffer.from(given).toString();
  else if (typeof given !== 'string')
    throw invalidArgument('path', 'of type string or an instance of Buffer or URL', given);
  const plain = path.resolve('/app', name);
  return plain.length > 1 && plain.endsWith('/') ? plain.slice(0, -1) : plain;
}

const texts = {
  ENOENT: 'no such file or directory',
  EISDIR: 'illegal operation on a directory',
  ENOTDIR: 'not a directory',
  EINVAL: 'invalid argument',
  EBADF: 'bad file descriptor',
};

function failure(code, syscall, name) {
  const shown = syscall === 'read' ? '' : ` '${name}'`;
  return coded(code, `${code}: ${texts[code]}, ${syscall}${shown}`, Error, {
    errno: -constants.errno[code],
    syscall,
    path: name,
  });
}

function bytesOf(name, syscall = 'open') {
  if (folders.has(name)) throw failure('EISDIR', 'read', name);
  if (!files.has(name)) throw failure('ENOENT', syscall, name);
  const bytes = host.fileBytes(name);
  if (bytes !== undefined) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Buffer.from(host.moduleSource(name).source);
}

const encodingOf = (options) => (typeof options === 'string' ? options : options?.encoding);

function readFileSync(file, options) {
  const bytes = typeof file === 'number' ? descriptor(file, 'read').bytes : bytesOf(nameOf(file));
  const encoding = encodingOf(options);
  return encoding && encoding !== 'buffer' ? bytes.toString(encoding) : bytes;
}

class Stats {
  constructor(name, size, isFolder, bigint) {
    const number = bigint ? BigInt : Number;
    this.dev = number(1);
    this.ino = number(1);
    this.mode = number(isFolder ? 0o40555 : 0o100444);
    this.nlink = number(1);
    this.uid = this.gid = number(1000);
    this.rdev = number(0);
    this.size = number(size);
    this.blksize = number(4096);
    this.blocks = number(Math.ceil(size / 512));
    for (const kind of ['atime', 'mtime', 'ctime', 'birthtime']) {
      this[`${kind}Ms`] = number(opened.getTime());
      this[kind] = opened;
    }
    Object.defineProperty(this, '_isFolder', { value: isFolder, enumerable: false });
  }

  isFile() {
    return !this._isFolder;
  }

  isDirectory() {
    return this._isFolder;
  }
}

class Dirent {
  constructor(name, parent, isFolder) {
    this.name = name;
    this.parentPath = this.path = parent;
    Object.defineProperty(this, '_isFolder', { value: isFolder, enumerable: false });
  }

  isFile() {
    return !this._isFolder;
  }

  isDirectory() {
    return this._isFolder;
  }
}
for (const Class of [Stats, Dirent]) {
  for (const name of ['isSymbolicLink', 'isFIFO', 'isSocket', 'isBlockDevice', 'isCharacterDevice']) {
    Class.prototype[name] = () => false;
  }
}

function statSync(given, options) {
  const name = nameOf(given);
  if (folders.has(name)) return new Stats(name, 0, true, options?.bigint);
  if (files.has(name)) return new Stats(name, bytesOf(name).length, false, options?.bigint);
  if (options?.throwIfNoEntry === false) return undefined;
  throw failure('ENOENT', 'stat', typeof given === 'string' ? given : name);
}

function existsSync(given) {
  try {
    const name = nameOf(given);
    return files.has(name) || folders.has(name);
  } catch {
    return false;
  }
}

function readdirSync(given, options) {
  const name = nameOf(given);
  if (files.has(name)) throw failure('ENOTDIR', 'scandir', name);
  if (!folders.has(name)) throw failure('ENOENT', 'scandir', typeof given === 'string' ? given : name);
  const found = [];
  const list = (folder, prefix) => {
    for (const entry of [...folders.get(folder)].sort()) {
      const whole = path.join(folder, entry);
      const isFolder = folders.has(whole);
      found.push(options?.withFileTypes ? new Dirent(entry, folder, isFolder) : prefix + entry);
      if (isFolder && options?.recursive) list(whole, `${prefix}${entry}/`);
    }
  };
  list(name, '');
  return encodingOf(options) === 'buffer' ? found.map((entry) => Buffer.from(entry)) : found;
}

function accessSync(given, mode = constants.F_OK) {
  const name = nameOf(given);
  if (!files.has(name) && !folders.has(name)) throw failure('ENOENT', 'access', name);
  if (mode & constants.W_OK) throw refusal('access');
}

function realpathSync(given) {
  const name = nameOf(given);
  if (!files.has(name) && !folders.has(name)) throw failure('ENOENT', 'lstat', name);
  return name;
}
realpathSync.native = realpathSync;

const descriptors = new Map();
let nextDescriptor = 3;

function descriptor(fd, syscall) {
  const found = descriptors.get(fd);
  if (!found) throw failure('EBADF', syscall, String(fd));
  return found;
}

function openSync(file, flags = 'r') {
  if (typeof flags === 'string' ? flags !== 'r' && flags !== 'rs' : flags & 3) throw refusal('open');
  const fd = nextDescriptor++;
  descriptors.set(fd, { bytes: bytesOf(nameOf(file)), at: 0, name: nameOf(file) });
  return fd;
}

function closeSync(fd) {
  descriptor(fd, 'close');
  descriptors.delete(fd);
}

function readSync(fd, target, offset = 0, length, position = null) {
  if (offset !== null && typeof offset === 'object') ({ offset = 0, length, position = null } = offset);
  const file = descriptor(fd, 'read');
  const from = position === null || position === undefined ? file.at : Number(position);
  const part = file.bytes.subarray(from, from + (length ?? target.byteLength - offset));
  target.set(part, offset);
  if (position === null || position === undefined) file.at += part.length;
  return part.length;
}

const fstatSync = (fd, options) => statSync(descriptor(fd, 'fstat').name, options);

function refusal(name) {
  return Object.assign(unsupported(`fs.${name}: ${reasons['fs:write']}`), { code: 'EROFS', errno: -30, syscall: name });
}

function createReadStream(file, options) {
  const {
    start = 0,
    end = Infinity,
    encoding,
    highWaterMark = 65536,
  } = typeof options === 'string' ? { encoding: options } : (options ?? {});
  let at = start;
  let bytes;
  const stream = new Readable({
    encoding,
    highWaterMark,
    construct(done) {
      try {
        bytes = bytesOf(nameOf(file)).subarray(0, end + 1);
      } catch (error) {
        return done(error);
      }
      done();
      stream.emit('open', 0);
      stream.emit('ready');
    },
    read(size) {
      if (at >= bytes.length) return void this.push(null);
      this.push(bytes.subarray(at, at + size));
      at += size;
    },
  });
  stream.path = file;
  stream.close = (done) => stream.destroy(null, done);
  return stream;
}

const sync = {
  readFileSync,
  statSync,
  lstatSync: statSync,
  readdirSync,
  accessSync,
  realpathSync,
  openSync,
  closeSync,
  readSync,
  fstatSync,
};
const writes = [
  'writeFile',
  'appendFile',
  'mkdir',
  'mkdtemp',
  'rm',
  'rmdir',
  'unlink',
  'rename',
  'copyFile',
  'cp',
  'chmod',
  'fchmod',
  'lchmod',
  'chown',
  'fchown',
  'lchown',
  'link',
  'symlink',
  'truncate',
  'ftruncate',
  'utimes',
  'futimes',
  'lutimes',
  'write',
  'writev',
  'fsync',
  'fdatasync',
];

const fs = { ...sync, existsSync, createReadStream, constants: constants.fs, Stats, Dirent, ...constants.fs };
const promises = { constants: constants.fs };

for (const [name, work] of Object.entries(sync)) {
  const plain = name.slice(0, -4);
  fs[plain] = (...values) => {
    const callback = values.pop();
    if (typeof callback !== 'function') throw invalidArgument('cb', 'function', callback);
    let result;
    try {
      result = work(...values);
    } catch (error) {
      return process.nextTick(callback, error);
    }
    if (plain === 'read') process.nextTick(callback, null, result, values[1]);
    else process.nextTick(callback, null, result);
  };
  promises[plain] = async (...values) => work(...values);
}
fs.exists = (name, callback) => process.nextTick(callback, existsSync(name));
fs.exists[Symbol.for('nodejs.util.promisify.custom')] = async (name) => existsSync(name);
fs.read[Symbol.for('nodejs.util.promisify.custom')] = async (fd, buffer, ...rest) => ({
  bytesRead: readSync(fd, buffer, ...rest),
  buffer,
});

for (const name of writes) {
  fs[`${name}Sync`] = () => {
    throw refusal(name);
  };
  fs[name] = (...values) => {
    const callback = values.pop();
    if (typeof callback !== 'function') throw refusal(name);
    process.nextTick(callback, refusal(name));
  };
  promises[name] = async () => {
    throw refusal(name);
  };
}
fs.createWriteStream = () => {
  throw refusal('createWriteStream');
};
for (const name of ['watch', 'watchFile', 'unwatchFile'])
  fs[name] = () => ({
    close() {},
    on() {
      return this;
    },
    unref() {
      return this;
    },
  });

promises.open = async (file, flags) => {
  const fd = openSync(file, flags);
  return {
    fd,
    readFile: async (options) => readFileSync(fd, options),
    stat: async (options) => fstatSync(fd, options),
    read: async (buffer, ...rest) => ({ bytesRead: readSync(fd, buffer, ...rest), buffer }),
    close: async () => closeSync(fd),
  };
};
fs.promises = promises;
fs.ReadStream = createReadStream;

module.exports = fs;
