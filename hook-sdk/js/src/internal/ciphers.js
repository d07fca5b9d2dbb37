'use strict';
// AES for node's crypto, by the package @noble/ciphers. The whole text is kept until the end: `update` answers nothing, and `final`
// everything, which gives the same when the two are put together.
const aes = require('@noble/ciphers/aes.js');
const { concat, view } = require('internal:bytes');
const { coded } = require('internal:errors');
const { Transform } = require('stream');

const TAG_BYTES = 16;
const modes = { ecb: 0, cbc: 16, ctr: 16, cfb: 16, gcm: 12 };

/** Mode and length of the key of a name such as `aes-128-cbc`. */
function parse(name) {
  const [, bits, mode] = /^(?:id-)?aes-?(128|192|256)-(ecb|cbc|ctr|cfb|gcm)$/i.exec(String(name)) ?? [];
  if (!bits) {
    throw coded(
      'ERR_CRYPTO_UNKNOWN_CIPHER',
      `Unknown cipher: ${name} (offered is AES in the modes ${Object.keys(modes).join(', ')})`,
    );
  }
  return { keyBytes: Number(bits) / 8, mode: mode.toLowerCase() };
}

class Cipher extends Transform {
  constructor(name, key, iv, isPacking) {
    super();
    const { keyBytes, mode } = parse(name);
    this._key = view(key?.export?.() ?? key).slice();
    if (this._key.length !== keyBytes) throw coded('ERR_CRYPTO_INVALID_KEYLEN', 'Invalid key length', RangeError);
    this._iv = iv === null || iv === undefined ? new Uint8Array() : view(iv).slice();
    const isRight = mode === 'gcm' ? this._iv.length > 0 : this._iv.length === modes[mode];
    if (!isRight) throw coded('ERR_CRYPTO_INVALID_IV', 'Invalid initialization vector', TypeError);
    this._mode = mode;
    this._isPacking = isPacking;
    this._chunks = [new Uint8Array()];
    this._pads = true;
    this._isDone = false;
  }

  setAutoPadding(pads = true) {
    this._pads = pads;
    return this;
  }

  setAAD(data) {
    this._aad = view(data).slice();
    return this;
  }

  setAuthTag(tag, encoding) {
    this._tag = view(tag, encoding).slice();
    return this;
  }

  getAuthTag() {
    if (!this._isPacking || !this._isDone || !this._tag)
      throw coded('ERR_CRYPTO_INVALID_STATE', 'Invalid state for operation getAuthTag');
    return Buffer.from(this._tag);
  }

  update(data, inputEncoding, outputEncoding) {
    if (this._isDone) throw coded('ERR_CRYPTO_INVALID_STATE', 'Trying to add data in unsupported state');
    this._chunks.push(view(data, inputEncoding).slice());
    return outputEncoding && outputEncoding !== 'buffer' ? '' : Buffer.alloc(0);
  }

  final(outputEncoding) {
    if (this._isDone) throw coded('ERR_CRYPTO_INVALID_STATE', 'Unsupported state');
    this._isDone = true;
    const bytes = this._run(concat(this._chunks));
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return outputEncoding && outputEncoding !== 'buffer' ? buffer.toString(outputEncoding) : buffer;
  }

  _run(bytes) {
    const options = { disablePadding: !this._pads };
    const cipher =
      this._mode === 'ecb'
        ? aes.ecb(this._key, options)
        : this._mode === 'gcm'
          ? aes.gcm(this._key, this._iv, this._aad)
          : aes[this._mode](this._key, this._iv, options);
    if (this._isPacking) return this._pack(cipher, bytes);
    try {
      return cipher.decrypt(this._mode === 'gcm' ? concat([bytes, this._tag ?? new Uint8Array()]) : bytes);
    } catch (error) {
      if (this._mode === 'gcm') throw new Error('Unsupported state or unable to authenticate data', { cause: error });
      throw coded('ERR_OSSL_BAD_DECRYPT', 'error:1C800064:Provider routines::bad decrypt', Error, { cause: error });
    }
  }

  _pack(cipher, bytes) {
    let packed;
    try {
      packed = cipher.encrypt(bytes);
    } catch (error) {
      throw coded(
        'ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH',
        'error:1C80006B:Provider routines::wrong final block length',
        Error,
        { cause: error },
      );
    }
    if (this._mode !== 'gcm') return packed;
    this._tag = packed.slice(-TAG_BYTES);
    return packed.slice(0, -TAG_BYTES);
  }

  _transform(chunk, encoding, done) {
    this.update(chunk, encoding);
    done();
  }

  _flush(done) {
    try {
      this.push(this.final());
    } catch (error) {
      return done(error);
    }
    done();
  }
}

module.exports = {
  createCipheriv: (name, key, iv) => new Cipher(name, key, iv, true),
  createDecipheriv: (name, key, iv) => new Cipher(name, key, iv, false),
  names: [128, 192, 256].flatMap((bits) => Object.keys(modes).map((mode) => `aes-${bits}-${mode}`)),
};
