'use strict';
// The body that Request and Response have in common. Bytes stay bytes until somebody asks for a stream.
const { concat, view, toText } = require('internal:bytes');

/** Bytes of a body, or a source of them, and the content type that goes with it. */
function extract(given) {
  if (given === null || given === undefined) return { bytes: null, type: null };
  if (typeof given === 'string') return { bytes: view(given.toWellFormed()), type: 'text/plain;charset=UTF-8' };
  if (given instanceof URLSearchParams) {
    return { bytes: view(given.toString()), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
  }
  if (ArrayBuffer.isView(given) || given instanceof ArrayBuffer) return { bytes: view(given).slice(), type: null };
  if (given instanceof Blob) return { source: once(() => given.bytes()), type: given.type || null };
  if (given instanceof FormData) {
    const { encode } = require('web:form-data');
    const encoded = encode(given);
    return { source: once(async () => (await encoded).body), typeLater: encoded.then(({ type }) => type) };
  }
  if (typeof given.getReader === 'function') return { stream: given, type: null };
  if (typeof given[Symbol.asyncIterator] === 'function')
    return { source: ofIterator(given[Symbol.asyncIterator]()), type: null };
  return { bytes: view(`${given}`), type: 'text/plain;charset=UTF-8' };
}

/** A source of one chunk. */
function once(make) {
  let isDone = false;
  return {
    async read() {
      if (isDone) return null;
      isDone = true;
      return make();
    },
    cancel() {},
  };
}

function ofIterator(iterator) {
  return {
    async read() {
      const { value, done } = await iterator.next();
      return done ? null : view(value);
    },
    cancel: () => void iterator.return?.(),
  };
}

function ofStream(stream) {
  const reader = stream.getReader();
  return {
    async read() {
      const { value, done } = await reader.read();
      if (done) return null;
      if (!(value instanceof Uint8Array)) throw new TypeError('Received non-Uint8Array chunk');
      return value;
    },
    cancel: (reason) => void reader.cancel(reason),
  };
}

async function readAll(source) {
  const chunks = [new Uint8Array()];
  for (let chunk = await source.read(); chunk !== null; chunk = await source.read()) chunks.push(chunk);
  return concat(chunks);
}

class Body {
  #bytes = null;
  #source;
  #stream;
  #isUsed = false;

  _setBody({ bytes = null, source, stream }) {
    this.#bytes = bytes;
    this.#source = source;
    this.#stream = stream;
  }

  get body() {
    if (this.#stream === undefined && (this.#bytes !== null || this.#source)) {
      const bytes = this.#bytes;
      const source = this.#source ?? once(async () => bytes);
      this.#stream = new ReadableStream(
        {
          type: 'bytes',
          pull: async (controller) => {
            this.#isUsed = true;
            let chunk = await source.read();
            while (chunk !== null && chunk.length === 0) chunk = await source.read();
            if (chunk === null) {
              controller.close();
              controller.byobRequest?.respond(0);
            } else controller.enqueue(new Uint8Array(chunk));
          },
          cancel: (reason) => source.cancel(reason),
        },
        { highWaterMark: 0 },
      );
      this.#bytes = null;
      this.#source = undefined;
    }
    return this.#stream ?? null;
  }

  get bodyUsed() {
    return this.#isUsed;
  }

  async _consume() {
    if (this.#isUsed || this.#stream?.locked) throw new TypeError('Body is unusable: Body has already been read');
    if (this.#stream) {
      this.#isUsed = true;
      return readAll(ofStream(this.#stream));
    }
    if (this.#bytes === null && !this.#source) return new Uint8Array();
    this.#isUsed = true;
    return this.#source ? readAll(this.#source) : this.#bytes;
  }

  get _hasBody() {
    return this.#bytes !== null || this.#source !== undefined || this.#stream !== undefined;
  }

  /** Hands the body over to another object. */
  _take() {
    if (this.#isUsed || this.#stream?.locked) throw new TypeError('Body is unusable: Body has already been read');
    const taken = { bytes: this.#bytes, source: this.#source, stream: this.#stream };
    this.#isUsed = this._hasBody;
    return taken;
  }

  /** A second body with the same content. */
  _split() {
    if (this.#isUsed || this.#stream?.locked) throw new TypeError('Response.clone: Body has already been consumed.');
    if (!this.#source && !this.#stream) return { bytes: this.#bytes };
    const [mine, other] = this.body.tee();
    this.#stream = mine;
    return { stream: other };
  }

  async arrayBuffer() {
    return new Uint8Array(await this._consume()).buffer;
  }

  async bytes() {
    return new Uint8Array(await this._consume());
  }

  async text() {
    return toText(await this._consume()).replace(/^\ufeff/, '');
  }

  async json() {
    return JSON.parse(await this.text());
  }

  async blob() {
    return new Blob([await this._consume()], { type: this.headers.get('content-type') ?? '' });
  }

  async formData() {
    const type = this.headers.get('content-type') ?? '';
    return require('web:form-data').decode(await this._consume(), type);
  }
}
Object.defineProperties(
  Body.prototype,
  Object.fromEntries(
    ['_setBody', '_consume', '_split', '_take', '_hasBody'].map((name) => [name, { enumerable: false }]),
  ),
);

module.exports = { Body, extract };
