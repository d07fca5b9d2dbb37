'use strict';
// Request of the Fetch standard.
const { Body, extract } = require('web:body');

const normalized = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);

class Request extends Body {
  #url;
  #method;
  #headers;
  #signal;
  #redirect;

  constructor(input, init = {}) {
    super();
    init ??= {};
    const other = input instanceof Request ? input : undefined;
    if (other) this.#url = new URL(other.url);
    else {
      try {
        this.#url = new URL(`${input}`);
      } catch (error) {
        throw new TypeError(`Failed to parse URL from ${input}`, { cause: error });
      }
      if (this.#url.username || this.#url.password) {
        throw new TypeError(`Request cannot be constructed from a URL that includes credentials: ${input}`);
      }
    }
    const method = `${init.method ?? other?.method ?? 'GET'}`;
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method) || /^(connect|trace|track)$/i.test(method)) {
      throw new TypeError(`'${method}' is not a valid HTTP method.`);
    }
    this.#method = normalized.has(method.toUpperCase()) ? method.toUpperCase() : method;
    this.#headers = new Headers(init.headers ?? other?.headers);
    this.#signal = init.signal ?? other?.signal ?? undefined;
    this.#redirect = init.redirect ?? other?.redirect ?? 'follow';
    const hasBody = init.body !== undefined && init.body !== null;
    if (
      (hasBody || (other?._hasBody && init.body === undefined)) &&
      (this.#method === 'GET' || this.#method === 'HEAD')
    ) {
      throw new TypeError('Request with GET/HEAD method cannot have body.');
    }
    if (hasBody) {
      const body = extract(init.body);
      this._setBody(body);
      if (body.type && !this.#headers.has('content-type')) this.#headers.set('content-type', body.type);
      this._typeLater = body.typeLater;
    } else if (other && init.body === undefined) this._setBody(other._take());
  }

  get url() {
    return this.#url.href;
  }

  get method() {
    return this.#method;
  }

  get headers() {
    return this.#headers;
  }

  get signal() {
    return (this.#signal ??= new AbortController().signal);
  }

  get redirect() {
    return this.#redirect;
  }

  /** The signal, if there is one to listen to. */
  get _givenSignal() {
    return this.#signal;
  }

  get cache() {
    return 'default';
  }

  get credentials() {
    return 'same-origin';
  }

  get destination() {
    return '';
  }

  get integrity() {
    return '';
  }

  get keepalive() {
    return false;
  }

  get mode() {
    return 'cors';
  }

  get duplex() {
    return 'half';
  }

  get referrer() {
    return 'about:client';
  }

  get referrerPolicy() {
    return '';
  }

  clone() {
    const { url, method, headers, redirect } = this;
    const copy = new Request(url, { method, headers, redirect, signal: this.#signal });
    copy._setBody(this._split());
    return copy;
  }

  get [Symbol.toStringTag]() {
    return 'Request';
  }
}

module.exports = { Request };
