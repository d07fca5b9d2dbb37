'use strict';
// Response of the Fetch standard.
const { Body, extract } = require('web:body');

const withoutBody = new Set([101, 103, 204, 205, 304]);
const redirects = new Set([301, 302, 303, 307, 308]);

class Response extends Body {
  #status;
  #statusText;
  #headers;
  _url = '';
  _redirected = false;
  _type = 'default';

  constructor(body, init = {}) {
    super();
    for (const name of ['_url', '_redirected', '_type'])
      Object.defineProperty(this, name, { enumerable: false, writable: true });
    const { status = 200, statusText = '', headers } = init ?? {};
    this.#status = Number(status);
    if (!Number.isInteger(this.#status) || this.#status < 200 || this.#status > 599) {
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    }
    this.#statusText = `${statusText}`;
    this.#headers = new Headers(headers);
    if (body === null || body === undefined) return;
    if (withoutBody.has(this.#status))
      throw new TypeError(`Response constructor: Invalid response status code ${this.#status}`);
    const given = extract(body);
    this._setBody(given);
    if (given.type && !this.#headers.has('content-type')) this.#headers.set('content-type', given.type);
  }

  get status() {
    return this.#status;
  }

  get statusText() {
    return this.#statusText;
  }

  get ok() {
    return this.#status >= 200 && this.#status <= 299;
  }

  get headers() {
    return this.#headers;
  }

  get url() {
    return this._url;
  }

  get redirected() {
    return this._redirected;
  }

  get type() {
    return this._type;
  }

  clone() {
    const copy = new Response(null, {
      status: this.#status || 200,
      statusText: this.#statusText,
      headers: this.#headers,
    });
    copy._setBody(this._split());
    return Object.assign(copy, { _url: this._url, _redirected: this._redirected, _type: this._type });
  }

  static error() {
    const response = new Response();
    response.#status = 0;
    response._type = 'error';
    return response;
  }

  static json(data, init) {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Value is not JSON serializable');
    const response = new Response(text, init);
    if (!new Headers(init?.headers).has('content-type')) response.headers.set('content-type', 'application/json');
    return response;
  }

  static redirect(url, status = 302) {
    if (!redirects.has(status)) throw new RangeError(`Invalid status code ${status}`);
    return new Response(null, { status, headers: { location: new URL(url).href } });
  }

  get [Symbol.toStringTag]() {
    return 'Response';
  }
}

module.exports = { Response };
