'use strict';
// What node's http shares between its requests, its answers and its server in name only.
const EventEmitter = require('events');
const { Readable, Writable } = require('stream');
const { coded } = require('internal:errors');

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const invalidValue = /[^\t\x20-\x7e\x80-\xff]/;

function validateHeaderName(name) {
  if (typeof name !== 'string' || !token.test(name)) {
    throw coded('ERR_INVALID_HTTP_TOKEN', `Header name must be a valid HTTP token ["${name}"]`, TypeError);
  }
}

function validateHeaderValue(name, value) {
  if (value === undefined) {
    throw coded('ERR_HTTP_INVALID_HEADER_VALUE', `Invalid value "undefined" for header "${name}"`, TypeError);
  }
  if (invalidValue.test(String(value))) {
    throw coded('ERR_INVALID_CHAR', `Invalid character in header content ["${name}"]`, TypeError);
  }
}

/** What code does with a socket that it does not see. */
class Socket extends EventEmitter {
  constructor(isEncrypted) {
    super();
    this.encrypted = isEncrypted;
    this.authorized = isEncrypted;
    this.remoteAddress = undefined;
    this.readable = this.writable = true;
    this.destroyed = false;
    this.connecting = false;
  }

  destroy() {
    this.destroyed = true;
    return this;
  }

  end() {
    return this;
  }

  address() {
    return {};
  }

  getPeerCertificate() {
    return {};
  }
}
for (const name of ['setTimeout', 'setKeepAlive', 'setNoDelay', 'ref', 'unref', 'pause', 'resume', 'cork', 'uncork']) {
  Socket.prototype[name] = function () {
    return this;
  };
}

class OutgoingMessage extends Writable {
  constructor() {
    // It lives on after its last byte: the answer is yet to come.
    super({ autoDestroy: false });
    this._headers = new Map();
    this.headersSent = false;
    this.sendDate = false;
    this.finished = false;
  }

  setHeader(name, value) {
    validateHeaderName(name);
    if (Array.isArray(value)) for (const one of value) validateHeaderValue(name, one);
    else validateHeaderValue(name, value);
    if (this.headersSent) throw coded('ERR_HTTP_HEADERS_SENT', 'Cannot set headers after they are sent to the client');
    this._headers.set(name.toLowerCase(), [name, value]);
    return this;
  }

  appendHeader(name, value) {
    const before = this.getHeader(name);
    return this.setHeader(name, before === undefined ? value : [].concat(before, value));
  }

  setHeaders(headers) {
    for (const [name, value] of headers) this.setHeader(name, value);
    return this;
  }

  getHeader(name) {
    return this._headers.get(String(name).toLowerCase())?.[1];
  }

  hasHeader(name) {
    return this._headers.has(String(name).toLowerCase());
  }

  removeHeader(name) {
    this._headers.delete(String(name).toLowerCase());
  }

  getHeaderNames() {
    return [...this._headers.keys()];
  }

  getRawHeaderNames() {
    return [...this._headers.values()].map(([name]) => name);
  }

  getHeaders() {
    return Object.fromEntries([...this._headers].map(([name, [, value]]) => [name, value]));
  }

  flushHeaders() {}
}

const single = new Set([
  'age',
  'authorization',
  'content-length',
  'content-type',
  'etag',
  'expires',
  'from',
  'host',
  'if-modified-since',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'proxy-authorization',
  'referer',
  'retry-after',
  'server',
  'user-agent',
]);

/** Headers as Node joins them. */
function joined(pairs) {
  const headers = {};
  for (const [given, value] of pairs) {
    const name = given.toLowerCase();
    if (name === 'set-cookie') (headers[name] ??= []).push(value);
    else if (headers[name] === undefined) headers[name] = value;
    else if (!single.has(name)) headers[name] += name === 'cookie' ? `; ${value}` : `, ${value}`;
  }
  return headers;
}

class IncomingMessage extends Readable {
  constructor(socket) {
    super({ highWaterMark: 65536 });
    this.socket = this.connection = socket ?? new Socket(false);
    this.httpVersion = '1.1';
    this.httpVersionMajor = this.httpVersionMinor = 1;
    this.headers = {};
    this.rawHeaders = [];
    this.trailers = {};
    this.rawTrailers = [];
    this.complete = false;
    this.aborted = false;
    this.url = '';
    this.method = null;
    this.statusCode = null;
    this.statusMessage = null;
  }

  get headersDistinct() {
    return Object.fromEntries(Object.entries(this.headers).map(([name, value]) => [name, [].concat(value)]));
  }

  setTimeout(_, callback) {
    if (callback) this.once('timeout', callback);
    return this;
  }

  _read() {}
}

module.exports = { IncomingMessage, OutgoingMessage, Socket, joined, validateHeaderName, validateHeaderValue };
