'use strict';
// Digests and random bytes, by the engine's own functions.
const host = require('internal:host');
const { view, concat } = require('internal:bytes');
const { coded, unsupported, invalidArgument } = require('internal:errors');
const { Transform } = require('stream');

const sizes = { md5: 16, sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

function algorithm(name) {
  const plain = String(name).toLowerCase().replace(/^rsa-/, '').replace(/^sha-/, 'sha');
  if (!Object.hasOwn(sizes, plain)) {
    throw coded('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${name} (offered are ${Object.keys(sizes).join(', ')})`);
  }
  return plain;
}

function encoded(bytes, encoding) {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
}

/** Of Hash and Hmac: collects what it is given, and is asked once. */
class Digest extends Transform {
  constructor(finish) {
    super();
    this._finish = finish;
    this._chunks = [];
    this._done = false;
  }

  update(data, encoding) {
    if (this._done) throw coded('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    const bytes = view(data, encoding);
    // The caller may change its bytes before the digest is made.
    this._chunks.push(typeof data === 'string' ? bytes : bytes.slice());
    return this;
  }

  digest(encoding) {
    if (this._done) throw coded('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    this._done = true;
    return encoded(this._finish(concat([new Uint8Array(), ...this._chunks])), encoding);
  }

  _transform(chunk, encoding, done) {
    this.update(chunk, encoding);
    done();
  }

  _flush(done) {
    this.push(this.digest());
    done();
  }
}

class Hash extends Digest {
  constructor(name) {
    const plain = algorithm(name);
    super((bytes) => host.hash(plain, bytes));
    this._name = plain;
  }

  copy() {
    if (this._done) throw coded('ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
    const copy = new Hash(this._name);
    copy._chunks = [...this._chunks];
    return copy;
  }
}

class Hmac extends Digest {
  constructor(name, key) {
    const plain = algorithm(name);
    const secret = keyBytes(key);
    super((bytes) => host.hmac(plain, secret, bytes));
  }
}

function keyBytes(key) {
  if (key instanceof KeyObject) return key._bytes;
  return view(key).slice();
}

class KeyObject {
  constructor(bytes) {
    Object.defineProperty(this, '_bytes', { value: bytes });
    this.type = 'secret';
  }

  get symmetricKeySize() {
    return this._bytes.length;
  }

  export({ format } = {}) {
    const buffer = Buffer.from(this._bytes);
    return format === 'jwk' ? { kty: 'oct', k: buffer.toString('base64url') } : buffer;
  }
}

function randomBytes(size, callback) {
  if (typeof size !== 'number') throw invalidArgument('size', 'number', size);
  if (!(size >= 0 && size <= 0x7fffffff)) {
    throw coded(
      'ERR_OUT_OF_RANGE',
      `The value of "size" is out of range. It must be >= 0 && <= 2147483647. Received ${size}`,
      RangeError,
    );
  }
  const bytes = encoded(host.random(Math.trunc(size)));
  if (typeof callback !== 'function') return bytes;
  process.nextTick(callback, null, bytes);
}

function randomFillSync(target, offset = 0, size) {
  const bytes =
    target instanceof ArrayBuffer
      ? new Uint8Array(target)
      : new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  const unit = target.BYTES_PER_ELEMENT ?? 1;
  const start = offset * unit;
  const length = size === undefined ? bytes.length - start : size * unit;
  bytes.set(host.random(length), start);
  return target;
}

function randomFill(target, ...rest) {
  const callback = rest.pop();
  process.nextTick(callback, null, randomFillSync(target, ...rest));
}

function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  const range = max - min;
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || range <= 0 || range > 2 ** 48 - 1) {
    throw coded('ERR_OUT_OF_RANGE', `The value of "max" is out of range. Received ${max}`, RangeError);
  }
  const most = 2 ** 48 - (2 ** 48 % range);
  let value;
  do value = Buffer.from(host.random(6)).readUIntBE(0, 6);
  while (value >= most);
  value = min + (value % range);
  if (callback === undefined) return value;
  process.nextTick(callback, null, value);
}

function randomUUID() {
  const bytes = host.random(16);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return Buffer.from(bytes)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function timingSafeEqual(left, right) {
  const [a, b] = [view(left), view(right)];
  if (a.byteLength !== b.byteLength) {
    throw coded('ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length', RangeError);
  }
  let differences = 0;
  for (let at = 0; at < a.length; at++) differences |= a[at] ^ b[at];
  return differences === 0;
}

function pbkdf2Sync(password, salt, iterations, length, digest) {
  const name = algorithm(digest);
  const [key, start] = [view(password), view(salt)];
  const blocks = [];
  for (let block = 1, made = 0; made < length; block++, made += sizes[name]) {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(block);
    let last = host.hmac(name, key, concat([start, number]));
    const sum = last.slice();
    for (let round = 1; round < iterations; round++) {
      last = host.hmac(name, key, last);
      for (let at = 0; at < sum.length; at++) sum[at] ^= last[at];
    }
    blocks.push(sum);
  }
  return encoded(concat([new Uint8Array(), ...blocks]).subarray(0, length));
}

function hkdfSync(digest, key, salt, info, length) {
  const name = algorithm(digest);
  const secret = host.hmac(name, view(salt), keyBytes(key));
  let last = new Uint8Array();
  const blocks = [last];
  for (let block = 1, made = 0; made < length; block++, made += sizes[name]) {
    last = host.hmac(name, secret, concat([last, view(info), Uint8Array.of(block)]));
    blocks.push(last);
  }
  return concat(blocks).slice(0, length).buffer;
}

/** The form with a callback of a function without one. */
function later(work) {
  return (...values) => {
    const callback = values.pop();
    let result;
    try {
      result = work(...values);
    } catch (error) {
      return process.nextTick(callback, error);
    }
    process.nextTick(callback, null, result);
  };
}

function refused(name) {
  return () => {
    throw unsupported(
      `crypto.${name} is not offered: there are digests, HMAC, AES, PBKDF2, HKDF and random bytes; use a package in JavaScript such as node-forge`,
    );
  };
}

const crypto = {
  Hash,
  Hmac,
  KeyObject,
  createHash: (name) => new Hash(name),
  createHmac: (name, key) => new Hmac(name, key),
  hash: (name, data, encoding = 'hex') => new Hash(name).update(data).digest(encoding),
  createSecretKey: (key, encoding) => new KeyObject(view(key, encoding).slice()),
  getHashes: () => Object.keys(sizes),
  createCipheriv: (...given) => require('internal:ciphers').createCipheriv(...given),
  createDecipheriv: (...given) => require('internal:ciphers').createDecipheriv(...given),
  getCiphers: () => require('internal:ciphers').names,
  getCurves: () => [],
  randomBytes,
  pseudoRandomBytes: randomBytes,
  rng: randomBytes,
  randomFillSync,
  randomFill,
  randomInt,
  randomUUID,
  timingSafeEqual,
  pbkdf2Sync,
  pbkdf2: later(pbkdf2Sync),
  hkdfSync,
  hkdf: later(hkdfSync),
  constants: {},
  getFips: () => 0,
  getRandomValues: (target) => webcrypto.getRandomValues(target),
  get webcrypto() {
    return webcrypto;
  },
  get subtle() {
    return webcrypto.subtle;
  },
};
for (const name of [
  'createCipher',
  'createDecipher',
  'createSign',
  'createVerify',
  'sign',
  'verify',
  'createDiffieHellman',
  'createECDH',
  'createPrivateKey',
  'createPublicKey',
  'generateKeyPair',
  'generateKeyPairSync',
  'privateDecrypt',
  'privateEncrypt',
  'publicDecrypt',
  'publicEncrypt',
  'scrypt',
  'scryptSync',
])
  crypto[name] = refused(name);

const digestNames = { 'SHA-1': 'sha1', 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' };

function webDigest(given) {
  const name = String(given?.name ?? given).toUpperCase();
  if (!Object.hasOwn(digestNames, name))
    throw new DOMException(`Unrecognized algorithm name: ${name}`, 'NotSupportedError');
  return digestNames[name];
}

function bufferSource(data) {
  if (!ArrayBuffer.isView(data) && !(data instanceof ArrayBuffer))
    throw new TypeError('the data must be a BufferSource');
  return view(data).slice();
}

class CryptoKey {
  constructor(bytes, hash, extractable, usages) {
    Object.defineProperty(this, '_bytes', { value: bytes });
    this.type = 'secret';
    this.extractable = extractable;
    this.usages = usages;
    this.algorithm = { name: 'HMAC', hash: { name: hash }, length: bytes.length * 8 };
  }
}

function hmacKey(algorithm, key, usage) {
  if (String(algorithm?.name ?? algorithm).toUpperCase() !== 'HMAC') {
    throw new DOMException('only HMAC is offered', 'NotSupportedError');
  }
  if (!key.usages.includes(usage)) throw new DOMException(`the key is not for ${usage}`, 'InvalidAccessError');
  return [webDigest(key.algorithm.hash), key._bytes];
}

const subtle = {
  async digest(algorithm, data) {
    return new Uint8Array(host.hash(webDigest(algorithm), bufferSource(data))).buffer;
  },
  async importKey(format, data, algorithm, extractable, usages) {
    if (String(algorithm?.name ?? algorithm).toUpperCase() !== 'HMAC' || !['raw', 'jwk'].includes(format)) {
      throw new DOMException('only HMAC keys, raw or jwk, are offered', 'NotSupportedError');
    }
    webDigest(algorithm.hash);
    const bytes = format === 'jwk' ? new Uint8Array(Buffer.from(data.k, 'base64url')) : bufferSource(data);
    return new CryptoKey(bytes, String(algorithm.hash?.name ?? algorithm.hash).toUpperCase(), Boolean(extractable), [
      ...usages,
    ]);
  },
  async exportKey(format, key) {
    if (!key.extractable) throw new DOMException('the key is not extractable', 'InvalidAccessError');
    if (format === 'jwk')
      return { kty: 'oct', k: Buffer.from(key._bytes).toString('base64url'), ext: true, key_ops: key.usages };
    return new Uint8Array(key._bytes).buffer;
  },
  async generateKey(algorithm, extractable, usages) {
    const name = webDigest(algorithm.hash);
    const length = algorithm.length ? algorithm.length / 8 : ['sha384', 'sha512'].includes(name) ? 128 : 64;
    return new CryptoKey(
      host.random(length),
      String(algorithm.hash?.name ?? algorithm.hash).toUpperCase(),
      extractable,
      [...usages],
    );
  },
  async sign(algorithm, key, data) {
    return new Uint8Array(host.hmac(...hmacKey(algorithm, key, 'sign'), bufferSource(data))).buffer;
  },
  async verify(algorithm, key, signature, data) {
    const expected = host.hmac(...hmacKey(algorithm, key, 'verify'), bufferSource(data));
    const given = bufferSource(signature);
    return expected.length === given.length && timingSafeEqual(expected, given);
  },
};
for (const name of ['encrypt', 'decrypt', 'deriveBits', 'deriveKey', 'wrapKey', 'unwrapKey']) {
  subtle[name] = async () => {
    throw new DOMException(`subtle.${name} is not offered`, 'NotSupportedError');
  };
}

const integers = new Set([
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
]);
const arrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get;

const webcrypto = {
  subtle,
  getRandomValues(target) {
    if (!integers.has(arrayTag.call(target))) {
      throw new DOMException('The data argument must be an integer-type TypedArray', 'TypeMismatchError');
    }
    if (target.byteLength > 65536) {
      throw new DOMException(`The requested length exceeds 65,536 bytes`, 'QuotaExceededError');
    }
    return randomFillSync(target);
  },
  randomUUID,
};
Object.defineProperty(webcrypto, Symbol.toStringTag, { value: 'Crypto' });

module.exports = crypto;
