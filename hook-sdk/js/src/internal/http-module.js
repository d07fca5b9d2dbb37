'use strict';
// The modules http and https, which differ in the protocol only.
const EventEmitter = require('events');
const codes = require('internal:http-codes');
const messages = require('internal:http-messages');
const { ClientRequest } = require('internal:http-request');

class Agent extends EventEmitter {
  constructor(options) {
    super();
    this.options = { ...options };
    this.maxSockets = options?.maxSockets ?? Infinity;
    this.maxFreeSockets = options?.maxFreeSockets ?? 256;
    this.keepAlive = options?.keepAlive ?? false;
    this.requests = {};
    this.sockets = {};
    this.freeSockets = {};
  }

  destroy() {}

  getName(options) {
    return `${options?.host ?? 'localhost'}:${options?.port ?? ''}:`;
  }
}

class ServerResponse extends messages.OutgoingMessage {
  constructor(request) {
    super();
    this.req = request;
    this.statusCode = 200;
    this.statusMessage = undefined;
  }

  writeHead(status, reason, headers) {
    this.statusCode = status;
    for (const [name, value] of Object.entries((typeof reason === 'object' ? reason : headers) ?? {}))
      this.setHeader(name, value);
    return this;
  }

  _write(_chunk, _encoding, done) {
    done();
  }
}

/** A server that is never asked: pages are not served here, and only functions and hooks are called. */
class Server extends EventEmitter {
  constructor(options, listener) {
    super();
    const handler = typeof options === 'function' ? options : listener;
    if (handler) this.on('request', handler);
    this.listening = false;
    this.timeout = 0;
    this.keepAliveTimeout = 5000;
    this.headersTimeout = 60000;
    this.requestTimeout = 300000;
    this.maxHeadersCount = null;
    this._port = 0;
  }

  listen(...given) {
    const callback = given.find((one) => typeof one === 'function');
    const [first] = given;
    this._port = Number(first !== null && typeof first === 'object' ? first.port : first) || 0;
    this.listening = true;
    if (callback) this.once('listening', callback);
    process.nextTick(() => this.emit('listening'));
    return this;
  }

  address() {
    return this.listening ? { address: '::', family: 'IPv6', port: this._port } : null;
  }

  close(callback) {
    this.listening = false;
    if (callback) this.once('close', callback);
    process.nextTick(() => this.emit('close'));
    return this;
  }

  getConnections(callback) {
    process.nextTick(callback, null, 0);
  }

  setTimeout() {
    return this;
  }

  ref() {
    return this;
  }

  unref() {
    return this;
  }

  closeAllConnections() {}
  closeIdleConnections() {}
}

const methods = [
  'ACL',
  'BIND',
  'CHECKOUT',
  'CONNECT',
  'COPY',
  'DELETE',
  'GET',
  'HEAD',
  'LINK',
  'LOCK',
  'M-SEARCH',
  'MERGE',
  'MKACTIVITY',
  'MKCALENDAR',
  'MKCOL',
  'MOVE',
  'NOTIFY',
  'OPTIONS',
  'PATCH',
  'POST',
  'PROPFIND',
  'PROPPATCH',
  'PURGE',
  'PUT',
  'REBIND',
  'REPORT',
  'SEARCH',
  'SOURCE',
  'SUBSCRIBE',
  'TRACE',
  'UNBIND',
  'UNLINK',
  'UNLOCK',
  'UNSUBSCRIBE',
];

module.exports = function moduleOf(protocol) {
  class OwnAgent extends Agent {
    constructor(options) {
      super(options);
      this.protocol = protocol;
      this.defaultPort = protocol === 'https:' ? 443 : 80;
    }
  }
  Object.defineProperty(OwnAgent, 'name', { value: 'Agent' });
  const request = (...given) => new ClientRequest(protocol, ...given);
  const get = (...given) => {
    const sent = request(...given);
    sent.end();
    return sent;
  };
  return {
    IncomingMessage: messages.IncomingMessage,
    OutgoingMessage: messages.OutgoingMessage,
    validateHeaderName: messages.validateHeaderName,
    validateHeaderValue: messages.validateHeaderValue,
    Agent: OwnAgent,
    globalAgent: new OwnAgent({ keepAlive: true }),
    ClientRequest,
    METHODS: methods,
    STATUS_CODES: codes,
    Server,
    ServerResponse,
    createServer: (options, listener) => new Server(options, listener),
    maxHeaderSize: 16384,
    request,
    get,
    setMaxIdleHTTPParsers() {},
  };
};
