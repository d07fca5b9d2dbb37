'use strict';
// FormData of the XHR standard, and its two encodings.
const { concat, view } = require('internal:bytes');

class FormData {
  #entries = [];

  constructor(form) {
    if (form !== undefined) throw new TypeError('FormData: there are no forms here');
  }

  #entry(name, value, filename) {
    if (value instanceof Blob) {
      const isFile = value instanceof File && filename === undefined;
      return [`${name}`, isFile ? value : new File([value], filename ?? value.name ?? 'blob', { type: value.type })];
    }
    if (filename !== undefined) throw new TypeError('FormData: a file name goes with a Blob');
    return [`${name}`.toWellFormed(), `${value}`.toWellFormed()];
  }

  append(name, value, filename) {
    this.#entries.push(this.#entry(name, value, filename));
  }

  set(name, value, filename) {
    const entry = this.#entry(name, value, filename);
    const at = this.#entries.findIndex(([one]) => one === entry[0]);
    this.#entries = this.#entries.filter(([one], index) => one !== entry[0] || index === at);
    if (at < 0) this.#entries.push(entry);
    else this.#entries[at] = entry;
  }

  delete(name) {
    this.#entries = this.#entries.filter(([one]) => one !== `${name}`);
  }

  get(name) {
    return this.#entries.find(([one]) => one === `${name}`)?.[1] ?? null;
  }

  getAll(name) {
    return this.#entries.filter(([one]) => one === `${name}`).map(([, value]) => value);
  }

  has(name) {
    return this.#entries.some(([one]) => one === `${name}`);
  }

  *entries() {
    for (const [name, value] of this.#entries) yield [name, value];
  }

  *keys() {
    for (const [name] of this.#entries) yield name;
  }

  *values() {
    for (const [, value] of this.#entries) yield value;
  }

  forEach(callback, receiver) {
    for (const [name, value] of this.#entries) callback.call(receiver, value, name, this);
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  get [Symbol.toStringTag]() {
    return 'FormData';
  }
}

const escaped = (name) => name.replace(/\r\n?|\n/g, '%0D%0A').replace(/"/g, '%22');

/** Body and content type of `multipart/form-data`. */
async function encode(form) {
  const boundary = `----formdata-${crypto.randomUUID().replaceAll('-', '')}`;
  const chunks = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"`;
    if (typeof value === 'string') chunks.push(view(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, '\r\n')}\r\n`));
    else {
      const type = value.type || 'application/octet-stream';
      chunks.push(
        view(`${head}; filename="${escaped(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`),
        await value.bytes(),
        view('\r\n'),
      );
    }
  }
  chunks.push(view(`--${boundary}--\r\n`));
  return { body: concat(chunks), type: `multipart/form-data; boundary=${boundary}` };
}

const unescaped = (text) => text.replace(/%0D%0A/gi, '\r\n').replace(/%22/g, '"');

/** The form in a body. */
function decode(bytes, type) {
  const form = new FormData();
  if (/^application\/x-www-form-urlencoded/i.test(type)) {
    for (const [name, value] of new URLSearchParams(Buffer.from(bytes).toString())) form.append(name, value);
    return form;
  }
  const boundary = /^multipart\/form-data.*;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  if (!boundary) throw new TypeError('the body is no form');
  const all = Buffer.from(bytes);
  const mark = Buffer.from(`--${boundary[1] ?? boundary[2]}`);
  let at = all.indexOf(mark);
  while (at >= 0) {
    const start = at + mark.length;
    if (all.subarray(start, start + 2).toString() === '--') return form;
    const end = all.indexOf(mark, start);
    const headEnd = all.indexOf('\r\n\r\n', start);
    if (end < 0 || headEnd < 0 || headEnd > end) break;
    const head = all.subarray(start + 2, headEnd).toString();
    const content = all.subarray(headEnd + 4, end - 2);
    const name = /content-disposition:[^\r\n]*?[;\s]name="([^"]*)"/i.exec(head)?.[1];
    if (name === undefined) break;
    const filename = /content-disposition:[^\r\n]*?filename="([^"]*)"/i.exec(head)?.[1];
    const partType = /content-type:\s*([^\r\n]+)/i.exec(head)?.[1] ?? 'text/plain';
    form.append(
      unescaped(name),
      filename === undefined ? content.toString() : new File([content], unescaped(filename), { type: partType }),
    );
    at = end;
  }
  throw new TypeError('the form ends in the middle');
}

module.exports = { FormData, encode, decode };
