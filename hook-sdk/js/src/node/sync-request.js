'use strict';
// The package sync-request: the whole call waits for the answer.
const { sendAndWait } = require('internal:http-client');
const { joined } = require('internal:http-messages');
const { view } = require('internal:bytes');

const MOST_REDIRECTS = 20;
const redirects = new Set([301, 302, 303, 307, 308]);

class Response {
  constructor(statusCode, headers, body, url) {
    this.statusCode = statusCode;
    this.headers = headers;
    this.body = body;
    this.url = url;
  }

  isError() {
    return this.statusCode === 0 || this.statusCode >= 400;
  }

  getBody(encoding) {
    if (this.statusCode >= 300) {
      throw Object.assign(
        new Error(
          `Server responded to ${this.url} with status code ${this.statusCode}:\n${this.body.toString(encoding)}`,
        ),
        {
          statusCode: this.statusCode,
          headers: this.headers,
          body: this.body,
        },
      );
    }
    return encoding ? this.body.toString(encoding) : this.body;
  }
}

/** The old form of a query: `qs`. */
function withQuery(url, query) {
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) for (const one of [].concat(value)) url.searchParams.append(name, one);
  }
  return url;
}

function unpacked(body, encoding) {
  const zlib = require('zlib');
  if (encoding === 'gzip') return zlib.gunzipSync(body);
  return encoding === 'deflate' ? zlib.inflateSync(body) : body;
}

function request(method, address, options = {}) {
  let url = withQuery(new URL(String(address)), options.qs);
  let verb = String(method).toUpperCase();
  const headers = new Map(
    Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), [name, String(value)]]),
  );
  let body = options.body === undefined ? undefined : view(options.body);
  if (options.json !== undefined) {
    body = view(JSON.stringify(options.json));
    headers.set('content-type', ['Content-Type', 'application/json']);
  } else if (options.form instanceof FormData) throw new TypeError('sync-request: forms are not offered; send a body');
  for (let count = 0; ; count++) {
    const answer = sendAndWait({
      method: verb,
      url,
      headers: [...headers.values()],
      body,
      timeoutMs: options.timeout || options.socketTimeout || undefined,
    });
    const pairs = [...answer.headers];
    const { location, 'content-encoding': encoding, ...rest } = joined(pairs);
    if (
      options.followRedirects !== false &&
      redirects.has(answer.status) &&
      location &&
      count < (options.maxRedirects ?? MOST_REDIRECTS)
    ) {
      const next = new URL(location, url);
      if (next.origin !== url.origin) headers.delete('authorization');
      url = next;
      if (answer.status === 303 || (answer.status < 303 && verb === 'POST')) {
        verb = 'GET';
        body = undefined;
      }
      continue;
    }
    const bytes = Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.byteLength);
    return new Response(answer.status, { ...rest, ...(location && { location }) }, unpacked(bytes, encoding), url.href);
  }
}

module.exports = Object.assign(request, { default: request, Response, FormData: globalThis.FormData });
