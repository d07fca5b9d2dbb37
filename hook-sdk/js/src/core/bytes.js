'use strict';
// Bytes and texts, by the engine's own functions.
const host = require('./host');

/** Bytes of anything that may stand for bytes, without a copy where there is none needed. */
function view(data, encoding) {
  if (typeof data === 'string') return Buffer.from(data, encoding);
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw require('./errors').invalidArgument(
    'data',
    'of type string or an instance of Buffer, TypedArray, or DataView',
    data,
  );
}

function concat(chunks) {
  if (chunks.length === 1) return chunks[0];
  let length = 0;
  for (const chunk of chunks) length += chunk.byteLength;
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}

module.exports = {
  view,
  concat,
  fromText: (text) => host.utf8Encode(text),
  toText: (bytes) => host.utf8Decode(bytes, false),
  toTextOrThrow: (bytes) => host.utf8Decode(bytes, true),
  toBase64: (bytes) => host.base64Encode(bytes),
  fromBase64: (text) => host.base64Decode(text),
};
