'use strict';
// Node's streams, by the package that is made from Node's own sources.
const stream = require('npm:readable-stream/lib/stream');

const { Readable, Writable } = stream;

/** Streams of the web as Node's, and the other way. */
Readable.fromWeb = (web, options) => Readable.from(readAll(web.getReader()), { objectMode: false, ...options });

async function* readAll(reader) {
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield typeof value === 'string' ? value : Buffer.from(value.buffer ?? value, value.byteOffset, value.byteLength);
    }
  } finally {
    await reader.cancel();
  }
}

Readable.toWeb = (readable) => {
  const chunks = readable[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === 'string' ? value : new Uint8Array(value));
    },
    cancel: (reason) => void readable.destroy(reason),
  });
};

Writable.toWeb = (writable) =>
  new WritableStream({
    write: (chunk) =>
      new Promise((resolve, reject) => writable.write(chunk, (error) => (error ? reject(error) : resolve()))),
    close: () => new Promise((resolve) => writable.end(resolve)),
    abort: (reason) => void writable.destroy(reason),
  });

module.exports = stream;
