'use strict';
// Blob and File of the File API, over bytes in memory.
const { concat, view, toText } = require('internal:bytes');

class Blob {
  #bytes;
  #type;

  constructor(parts = [], options = {}) {
    if (parts === null || typeof parts !== 'object' || typeof parts[Symbol.iterator] !== 'function') {
      throw new TypeError('Blob: the parts must be a sequence');
    }
    const { endings = 'transparent', type = '' } = options ?? {};
    const chunks = [new Uint8Array()];
    for (const part of parts) {
      if (part instanceof Blob) chunks.push(part.#bytes);
      else if (ArrayBuffer.isView(part) || part instanceof ArrayBuffer) chunks.push(view(part).slice());
      else chunks.push(view(endings === 'native' ? `${part}`.replace(/\r\n?|\n/g, '\n') : `${part}`.toWellFormed()));
    }
    this.#bytes = concat(chunks);
    this.#type = /[^\x20-\x7e]/.test(`${type}`) ? '' : `${type}`.toLowerCase();
  }

  get size() {
    return this.#bytes.length;
  }

  get type() {
    return this.#type;
  }

  slice(start = 0, end = this.size, type = '') {
    return new Blob([this.#bytes.slice(start, end)], { type });
  }

  async text() {
    return toText(this.#bytes);
  }

  async arrayBuffer() {
    return new Uint8Array(this.#bytes).buffer;
  }

  async bytes() {
    return new Uint8Array(this.#bytes);
  }

  stream() {
    const bytes = this.#bytes;
    return new ReadableStream({
      type: 'bytes',
      start(controller) {
        if (bytes.length > 0) controller.enqueue(new Uint8Array(bytes));
        controller.close();
      },
    });
  }

  get [Symbol.toStringTag]() {
    return 'Blob';
  }
}

class File extends Blob {
  #name;
  #lastModified;

  constructor(parts, name, options = {}) {
    if (arguments.length < 2) throw new TypeError('File: parts and a name are required');
    super(parts, options);
    this.#name = `${name}`;
    this.#lastModified = options?.lastModified === undefined ? Date.now() : Number(options.lastModified);
  }

  get name() {
    return this.#name;
  }

  get lastModified() {
    return this.#lastModified;
  }

  get webkitRelativePath() {
    return '';
  }

  get [Symbol.toStringTag]() {
    return 'File';
  }
}

module.exports = { Blob, File };
