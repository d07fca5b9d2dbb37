'use strict';
// The package `buffer`, with what Node has got since, and the engine's own functions where they are faster.
const base = require('npm:buffer/');
const host = require('./host');

const { Buffer } = base;
const nodesInspect = Symbol.for('nodejs.util.inspect.custom');

function isUtf8(encoding) {
  return (
    encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8' || encoding === 'UTF-8'
  );
}

function toBase64Url(bytes) {
  return host.base64Encode(bytes).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** As Node reads it: anything that is no digit is passed over, and both alphabets are read. */
function base64Bytes(text) {
  let plain = text.replace(/-/g, '+').replace(/_/g, '/');
  const end = plain.indexOf('=');
  if (end >= 0) plain = plain.slice(0, end);
  plain = plain.replace(/[^A-Za-z0-9+/]/g, '');
  if (plain.length % 4 === 1) plain = plain.slice(0, -1);
  return host.base64Decode(plain + '='.repeat((4 - (plain.length % 4)) % 4));
}

function wrap(bytes) {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const { from, isEncoding, byteLength } = Buffer;
Buffer.from = function (value, encodingOrOffset, length) {
  if (typeof value === 'string') {
    if (isUtf8(encodingOrOffset)) return wrap(host.utf8Encode(value));
    if (/^base64(url)?$/i.test(encodingOrOffset)) return wrap(base64Bytes(value));
    // Up to the first pair that is no number, as in Node.
    if (/^hex$/i.test(encodingOrOffset)) value = /^(?:[0-9a-f]{2})*/i.exec(value)[0];
  }
  return from(value, encodingOrOffset, length);
};
Buffer.isEncoding = (encoding) => isEncoding(encoding) || /^base64url$/i.test(encoding);
Buffer.byteLength = function (value, encoding) {
  if (typeof value === 'string' && /^base64(url)?$/i.test(encoding)) return base64Bytes(value).length;
  return byteLength(value, encoding);
};
Buffer.copyBytesFrom = (view, offset = 0, length = view.length - offset) => {
  const part = view.subarray(offset, offset + length);
  return Buffer.from(new Uint8Array(part.buffer.slice(part.byteOffset, part.byteOffset + part.byteLength)));
};

const { toString, write, toJSON } = Buffer.prototype;
Object.defineProperties(Buffer.prototype, {
  toString: {
    value(encoding, start, end) {
      if (encoding === undefined || isUtf8(encoding) || /^base64(url)?$/i.test(encoding)) {
        const part =
          start === undefined && end === undefined
            ? this
            : this.subarray(Math.max(0, start ?? 0), Math.max(0, end ?? this.length));
        if (isUtf8(encoding)) return host.utf8Decode(part, false);
        return encoding.toLowerCase() === 'base64' ? host.base64Encode(part) : toBase64Url(part);
      }
      return toString.call(this, encoding, start, end);
    },
    writable: true,
    configurable: true,
    enumerable: true,
  },
  write: {
    value(text, offset, length, encoding) {
      const last = [offset, length, encoding].find((value) => typeof value === 'string');
      if (!/^base64(url)?$/i.test(last)) return write.apply(this, arguments);
      const at = typeof offset === 'number' ? offset : 0;
      const most = Math.min(typeof length === 'number' ? length : this.length - at, this.length - at);
      const bytes = base64Bytes(text).subarray(0, Math.max(0, most));
      this.set(bytes, at);
      return bytes.length;
    },
    writable: true,
    configurable: true,
    enumerable: true,
  },
  toJSON: { value: toJSON, writable: true, configurable: true, enumerable: true },
  [nodesInspect]: {
    value(_, options) {
      const most = base.INSPECT_MAX_BYTES;
      const shown = toString.call(this, 'hex', 0, most).replace(/(..)(?=.)/g, '$1 ');
      const rest = this.length - most;
      return `<Buffer${shown ? ` ${shown}` : ''}${rest > 0 ? ` ... ${rest} more byte${rest > 1 ? 's' : ''}` : ''}>`;
    },
    writable: true,
    configurable: true,
    enumerable: false,
  },
});

const alphabet = /^[A-Za-z0-9+/]*$/;

function atob(text) {
  let plain = String(text).replace(/[\t\n\f\r ]/g, '');
  if (plain.length % 4 === 0) plain = plain.replace(/={1,2}$/, '');
  if (!alphabet.test(plain) || plain.length % 4 === 1) {
    const { DOMException } = globalThis;
    throw new DOMException('The string to be decoded is not correctly encoded.', 'InvalidCharacterError');
  }
  return toString.call(wrap(base64Bytes(plain)), 'latin1');
}

function btoa(text) {
  text = String(text);
  if (/[^\0-\xff]/.test(text)) {
    const { DOMException } = globalThis;
    throw new DOMException('Invalid character', 'InvalidCharacterError');
  }
  return host.base64Encode(from(text, 'latin1'));
}

function isUtf8Bytes(bytes) {
  try {
    host.utf8Decode(new Uint8Array(bytes.buffer ?? bytes, bytes.byteOffset ?? 0, bytes.byteLength), true);
    return true;
  } catch {
    return false;
  }
}

module.exports = {
  Buffer,
  SlowBuffer: base.SlowBuffer,
  INSPECT_MAX_BYTES: base.INSPECT_MAX_BYTES,
  kMaxLength: base.kMaxLength,
  kStringMaxLength: 0x1fffffff,
  constants: { MAX_LENGTH: base.kMaxLength, MAX_STRING_LENGTH: 0x1fffffff },
  atob,
  btoa,
  isUtf8: isUtf8Bytes,
  isAscii: (bytes) => !bytes.some((byte) => byte > 127),
  transcode: (bytes, fromEncoding, toEncoding) => Buffer.from(Buffer.from(bytes).toString(fromEncoding), toEncoding),
  get Blob() {
    return globalThis.Blob;
  },
  get File() {
    return globalThis.File;
  },
};
