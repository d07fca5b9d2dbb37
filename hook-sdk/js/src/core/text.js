'use strict';
// TextEncoder and TextDecoder of the Encoding standard, for UTF-8, UTF-16 and Latin-1.
const host = require('./host');

class TextEncoder {
  get encoding() {
    return 'utf-8';
  }

  encode(text = '') {
    return host.utf8Encode(`${text}`);
  }

  encodeInto(text, target) {
    let read = 0;
    let written = 0;
    for (const character of `${text}`) {
      const bytes = host.utf8Encode(character);
      if (written + bytes.length > target.length) break;
      target.set(bytes, written);
      written += bytes.length;
      read += character.length;
    }
    return { read, written };
  }

  get [Symbol.toStringTag]() {
    return 'TextEncoder';
  }
}

const labels = {
  'utf-8': ['utf8', 'utf-8', 'unicode-1-1-utf-8', 'unicode11utf8', 'x-unicode20utf8'],
  'utf-16le': ['utf-16le', 'utf-16', 'ucs-2', 'unicode', 'iso-10646-ucs-2', 'csunicode', 'unicodefeff'],
  'windows-1252': ['latin1', 'iso-8859-1', 'ascii', 'us-ascii', 'windows-1252', 'cp1252', 'l1'],
};
// What Windows put where Latin-1 has control characters.
const windows =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178';

/** Bytes at the end that begin a character of UTF-8 and do not end it. */
function unfinished(bytes) {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

function viewOf(input) {
  if (input === undefined) return new Uint8Array();
  if (input instanceof Uint8Array) return input;
  if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  if (input instanceof ArrayBuffer || Object.prototype.toString.call(input) === '[object SharedArrayBuffer]') {
    return new Uint8Array(input);
  }
  throw require('./errors').invalidArgument('list', 'an instance of ArrayBuffer or ArrayBufferView', input);
}

class TextDecoder {
  #encoding;
  #fatal;
  #ignoreBOM;
  #rest = new Uint8Array();
  #begun = false;

  constructor(label = 'utf-8', options = {}) {
    const wanted = `${label}`.trim().toLowerCase();
    this.#encoding = Object.keys(labels).find((name) => labels[name].includes(wanted));
    if (this.#encoding === undefined) {
      throw require('./errors').coded(
        'ERR_ENCODING_NOT_SUPPORTED',
        `The "${label}" encoding is not supported`,
        RangeError,
      );
    }
    this.#fatal = Boolean(options?.fatal);
    this.#ignoreBOM = Boolean(options?.ignoreBOM);
  }

  get encoding() {
    return this.#encoding;
  }

  get fatal() {
    return this.#fatal;
  }

  get ignoreBOM() {
    return this.#ignoreBOM;
  }

  decode(input, { stream = false } = {}) {
    let bytes = viewOf(input);
    if (this.#rest.length > 0) {
      const all = new Uint8Array(this.#rest.length + bytes.length);
      all.set(this.#rest);
      all.set(bytes, this.#rest.length);
      bytes = all;
      this.#rest = new Uint8Array();
    }
    if (stream) {
      const kept =
        this.#encoding === 'utf-8' ? unfinished(bytes) : this.#encoding === 'utf-16le' ? bytes.length % 2 : 0;
      if (kept > 0) {
        this.#rest = bytes.slice(bytes.length - kept);
        bytes = bytes.subarray(0, bytes.length - kept);
      }
    }
    let text;
    try {
      text = this.#plain(bytes);
    } catch (error) {
      this.#begun = false;
      throw error;
    }
    if (!this.#begun && text !== '') {
      this.#begun = true;
      if (!this.#ignoreBOM && this.#encoding !== 'windows-1252' && text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    if (!stream) this.#begun = false;
    return text;
  }

  #plain(bytes) {
    if (this.#encoding === 'utf-8') {
      try {
        return host.utf8Decode(bytes, this.#fatal);
      } catch {
        throw this.#invalid();
      }
    }
    let text = '';
    if (this.#encoding === 'windows-1252') {
      for (const byte of bytes) text += byte >= 0x80 && byte < 0xa0 ? windows[byte - 0x80] : String.fromCharCode(byte);
      return text;
    }
    for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(bytes[at] | (bytes[at + 1] << 8));
    if (this.#fatal && (bytes.length % 2 === 1 || !text.isWellFormed())) throw this.#invalid();
    return text.toWellFormed() + (bytes.length % 2 === 1 ? '\ufffd' : '');
  }

  #invalid() {
    return require('./errors').coded(
      'ERR_ENCODING_INVALID_ENCODED_DATA',
      `The encoded data was not valid for encoding ${this.#encoding}`,
      TypeError,
    );
  }

  get [Symbol.toStringTag]() {
    return 'TextDecoder';
  }
}

module.exports = { TextEncoder, TextDecoder };
