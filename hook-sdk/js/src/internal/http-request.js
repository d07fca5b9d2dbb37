'use strict';
// ClientRequest of node's http: the body is collected, then the engine sends the request.
const { IncomingMessage, OutgoingMessage, Socket, joined } = require('internal:http-messages');
const { send } = require('internal:http-client');
const codes = require('internal:http-codes');
const { concat, view } = require('internal:bytes');
const { coded, invalidArgument } = require('internal:errors');
const { URL, urlToHttpOptions } = require('url');

/** `host` may have a port in some callers' options; `hostname` comes first. */
function target(options, protocol) {
  const wanted = options.protocol ?? options.agent?.protocol ?? protocol;
  if (wanted !== 'http:' && wanted !== 'https:') {
    throw coded('ERR_INVALID_PROTOCOL', `Protocol "${wanted}" not supported. Expected "${protocol}"`, TypeError);
  }
  if (options.socketPath)
    throw coded('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', 'http: a hook has no sockets; socketPath is not offered');
  let name = String(options.hostname ?? options.host ?? 'localhost');
  if (name.includes(':') && !name.startsWith('['))
    name = /^[^:]+:\d+$/.test(name) && !options.hostname ? name.replace(/:\d+$/, '') : `[${name}]`;
  const port = options.port || options.defaultPort || '';
  const path = String(options.path ?? '/');
  if (/[^\x21-\xff]/.test(path))
    throw coded('ERR_UNESCAPED_CHARACTERS', 'Request path contains unescaped characters', TypeError);
  const isWhole = /^https?:\/\//.test(path);
  return new URL(
    isWhole ? path : `${wanted}//${name}${port === '' ? '' : `:${port}`}${path.startsWith('/') ? '' : '/'}${path}`,
  );
}

/** The three forms in which `request` is called. */
function optionsOf(input, options, callback) {
  if (typeof input === 'string') input = urlToHttpOptions(new URL(input));
  else if (input instanceof URL) input = urlToHttpOptions(input);
  else {
    callback = typeof options === 'function' ? options : callback;
    options = input;
    input = null;
  }
  if (typeof options === 'function') [options, callback] = [input ?? {}, options];
  else options = { ...input, ...options };
  return [options ?? {}, callback];
}

class ClientRequest extends OutgoingMessage {
  constructor(protocol, ...given) {
    const [options, callback] = optionsOf(...given);
    super();
    if (options.method !== undefined && options.method !== null && typeof options.method !== 'string') {
      throw invalidArgument('options.method', 'string', options.method);
    }
    this.method = (options.method || 'GET').toUpperCase();
    this._url = target(options, protocol);
    this.protocol = this._url.protocol;
    this.host = this._url.hostname;
    this.path = this._url.pathname + this._url.search;
    this.agent = options.agent;
    this.aborted = false;
    this.res = null;
    this.reusedSocket = false;
    this.maxHeadersCount = null;
    this._chunks = [];
    this.socket = this.connection = new Socket(this.protocol === 'https:');
    const { headers } = options;
    if (Array.isArray(headers)) {
      const pairs = Array.isArray(headers[0])
        ? headers
        : headers.flatMap((_, at) => (at % 2 ? [] : [[headers[at], headers[at + 1]]]));
      for (const [name, value] of pairs) this.appendHeader(name, value);
    } else
      for (const [name, value] of Object.entries(headers ?? {})) if (value !== undefined) this.setHeader(name, value);
    const auth =
      options.auth ??
      (this._url.username
        ? `${decodeURIComponent(this._url.username)}:${decodeURIComponent(this._url.password)}`
        : undefined);
    if (auth && !this.hasHeader('authorization'))
      this.setHeader('Authorization', `Basic ${Buffer.from(auth).toString('base64')}`);
    this._url.username = this._url.password = '';
    if (callback) this.once('response', callback);
    if (options.timeout) this.setTimeout(options.timeout);
    const { signal } = options;
    if (signal) {
      const stop = () =>
        this.destroy(
          Object.assign(new Error('The operation was aborted', { cause: signal.reason }), {
            name: 'AbortError',
            code: 'ABORT_ERR',
          }),
        );
      if (signal.aborted) process.nextTick(stop);
      else signal.addEventListener('abort', stop, { once: true });
    }
    process.nextTick(() => {
      if (this.destroyed) return;
      this.emit('socket', this.socket);
      this.socket.emit('connect');
      if (this.protocol === 'https:') this.socket.emit('secureConnect');
    });
  }

  setTimeout(milliseconds, callback) {
    if (callback) this.once('timeout', callback);
    clearTimeout(this._timer);
    this.timeout = milliseconds;
    if (milliseconds > 0) {
      this._timer = setTimeout(() => {
        this.emit('timeout');
        this.socket.emit('timeout');
      }, milliseconds).unref();
    }
    return this;
  }

  setNoDelay() {}
  setSocketKeepAlive() {}

  _write(chunk, encoding, done) {
    this._chunks.push(view(chunk, encoding));
    done();
  }

  _final(done) {
    this.finished = this.headersSent = true;
    done();
    this._send();
  }

  async _send() {
    const headers = [...this._headers.values()].flatMap(([name, value]) =>
      [].concat(value).map((one) => [name, String(one)]),
    );
    let answer;
    try {
      this._sent = send({
        method: this.method,
        url: this._url,
        headers,
        body: concat([new Uint8Array(), ...this._chunks]),
      });
      answer = await this._sent.answer;
    } catch (error) {
      clearTimeout(this._timer);
      if (!this.destroyed) this.destroy(error);
      return;
    }
    if (this.destroyed) return answer.cancel();
    this._respond(answer);
  }

  _respond(answer) {
    const message = new IncomingMessage(this.socket);
    this.res = message;
    message.req = this;
    message.statusCode = answer.status;
    message.statusMessage = codes[answer.status] ?? '';
    message.headers = joined(answer.headers);
    message.rawHeaders = answer.headers.flat();
    message._read = async () => {
      let chunk;
      try {
        chunk = await answer.read();
      } catch (error) {
        clearTimeout(this._timer);
        message.aborted = true;
        message.emit('aborted');
        return void message.destroy(error);
      }
      if (message.destroyed) return;
      if (chunk === null) {
        clearTimeout(this._timer);
        message.complete = true;
        message.push(null);
      } else message.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    };
    message._destroy = (error, done) => {
      clearTimeout(this._timer);
      answer.cancel();
      done(error);
    };
    message.once('close', () => {
      if (!this.destroyed) this.destroy();
    });
    if (!this.emit('response', message)) message.resume();
  }

  _destroy(error, done) {
    clearTimeout(this._timer);
    if (this.res && !this.res.destroyed && !this.res.complete) this.res.destroy(error);
    else if (!this.res && !error) error = coded('ECONNRESET', 'socket hang up');
    if (!this.res) this._sent?.cancel();
    this.socket.destroy();
    done(this.res ? null : error);
  }

  abort() {
    if (this.aborted) return;
    this.aborted = true;
    process.nextTick(() => this.emit('abort'));
    this.destroy();
  }
}

module.exports = { ClientRequest };
