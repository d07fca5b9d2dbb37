'use strict';
// Deflate and gzip, by the package pako.
const pako = require('npm:pako');
const { view, concat } = require('internal:bytes');
const { coded } = require('internal:errors');
const { Transform } = require('stream');

const constants = {
  Z_NO_FLUSH: 0,
  Z_PARTIAL_FLUSH: 1,
  Z_SYNC_FLUSH: 2,
  Z_FULL_FLUSH: 3,
  Z_FINISH: 4,
  Z_BLOCK: 5,
  Z_OK: 0,
  Z_STREAM_END: 1,
  Z_NEED_DICT: 2,
  Z_ERRNO: -1,
  Z_STREAM_ERROR: -2,
  Z_DATA_ERROR: -3,
  Z_MEM_ERROR: -4,
  Z_BUF_ERROR: -5,
  Z_VERSION_ERROR: -6,
  Z_NO_COMPRESSION: 0,
  Z_BEST_SPEED: 1,
  Z_BEST_COMPRESSION: 9,
  Z_DEFAULT_COMPRESSION: -1,
  Z_FILTERED: 1,
  Z_HUFFMAN_ONLY: 2,
  Z_RLE: 3,
  Z_FIXED: 4,
  Z_DEFAULT_STRATEGY: 0,
  Z_MIN_WINDOWBITS: 8,
  Z_MAX_WINDOWBITS: 15,
  Z_DEFAULT_WINDOWBITS: 15,
  Z_MIN_CHUNK: 64,
  Z_MAX_CHUNK: Infinity,
  Z_DEFAULT_CHUNK: 16384,
  Z_MIN_MEMLEVEL: 1,
  Z_MAX_MEMLEVEL: 9,
  Z_DEFAULT_MEMLEVEL: 8,
  Z_MIN_LEVEL: -1,
  Z_MAX_LEVEL: 9,
  Z_DEFAULT_LEVEL: -1,
  BROTLI_OPERATION_PROCESS: 0,
  BROTLI_OPERATION_FLUSH: 1,
  BROTLI_OPERATION_FINISH: 2,
};

function failure(text) {
  const code = /header|data|block|distance|length|code|check/.test(text) ? 'Z_DATA_ERROR' : 'Z_BUF_ERROR';
  return coded(code, text === 'buffer error' || !text ? 'unexpected end of file' : text, Error, {
    errno: constants[code],
  });
}

/** How pako is told of each format: whether it packs, and its settings. */
const formats = {
  gzip: [pako.Deflate, { gzip: true }],
  deflate: [pako.Deflate, {}],
  deflateRaw: [pako.Deflate, { raw: true }],
  gunzip: [pako.Inflate, { windowBits: 31 }],
  inflate: [pako.Inflate, {}],
  inflateRaw: [pako.Inflate, { raw: true }],
  unzip: [pako.Inflate, { windowBits: 47 }],
};

function worker(name, options, onData) {
  const [Kind, settings] = formats[name];
  const { level, memLevel, strategy, dictionary, windowBits } = options ?? {};
  const given = Object.fromEntries(
    Object.entries({ level, memLevel, strategy, dictionary }).filter(([, value]) => value !== undefined),
  );
  if (windowBits !== undefined && !settings.windowBits && !settings.raw) given.windowBits = windowBits;
  const one = new Kind({ ...given, ...settings });
  one.onData = onData;
  return one;
}

function runSync(name, data, options) {
  const chunks = [];
  const most = options?.maxOutputLength ?? Infinity;
  let length = 0;
  const one = worker(name, options, (chunk) => {
    length += chunk.length;
    if (length > most)
      throw coded('ERR_BUFFER_TOO_LARGE', `Cannot create a Buffer larger than ${most} bytes`, RangeError);
    chunks.push(chunk);
  });
  one.push(view(data), true);
  const isPacking = formats[name][0] === pako.Deflate;
  if (one.err || (!isPacking && !one.ended)) throw failure(one.msg || '');
  const all = concat([new Uint8Array(), ...chunks]);
  return Buffer.from(all.buffer, all.byteOffset, all.byteLength);
}

class Zlib extends Transform {
  constructor(name, options) {
    super(options);
    this._worker = worker(name, options, (chunk) => this.push(Buffer.from(chunk)));
    this._packs = formats[name][0] === pako.Deflate;
    this.bytesWritten = 0;
  }

  _transform(chunk, encoding, done) {
    this.bytesWritten += chunk.length;
    if (!this._worker.ended || this._packs) this._worker.push(view(chunk, encoding), false);
    done(this._worker.err ? failure(this._worker.msg) : null);
  }

  _flush(done) {
    if (this._packs) this._worker.push(new Uint8Array(), true);
    else if (!this._worker.ended && this.bytesWritten > 0) return done(failure(''));
    done();
  }

  flush(_, done) {
    if (typeof _ === 'function') done = _;
    if (done) process.nextTick(done);
  }

  close(done) {
    this.destroy();
    if (done) process.nextTick(done);
  }
}

const zlib = { constants, ...constants, codes: {} };
for (const name of Object.keys(formats)) {
  const Name = name[0].toUpperCase() + name.slice(1);
  zlib[`${name}Sync`] = (data, options) => runSync(name, data, options);
  zlib[name] = (data, options, callback) => {
    if (typeof options === 'function') [options, callback] = [undefined, options];
    let result;
    try {
      result = runSync(name, data, options);
    } catch (error) {
      return process.nextTick(callback, error);
    }
    process.nextTick(callback, null, result);
  };
  zlib[Name] = class extends Zlib {
    constructor(options) {
      super(name, options);
    }
  };
  zlib[`create${Name}`] = (options) => new Zlib(name, options);
}
// There is no Brotli: packages look for its functions before they ask a server for it.
zlib.crc32 = (data, start = 0) => {
  let sum = ~start;
  for (const byte of view(data)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
};

module.exports = zlib;
