'use strict';
// fetch of the Fetch standard: redirects, aborting, and bodies that come packed.
const { send } = require('internal:http-client');
const codes = require('internal:http-codes');

const MOST_REDIRECTS = 20;
const redirects = new Set([301, 302, 303, 307, 308]);

function failed(cause) {
  return new TypeError('fetch failed', { cause });
}

/** Waits for `work`, or for the signal, whichever comes first; what is given up is told by `cancel`. */
function abortable(work, signal, cancel) {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      cancel();
    };
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    const end = (settle) => (value) => {
      signal.removeEventListener('abort', stop);
      settle(value);
    };
    work.then(end(resolve), end(reject));
  });
}

/** The body of an answer; a signal that comes later ends it. */
function sourceOf(answer, signal) {
  return {
    read: () =>
      abortable(answer.read(), signal, () => answer.cancel()).catch((error) => {
        answer.cancel();
        throw error === signal?.reason ? error : Object.assign(new TypeError('terminated'), { cause: error });
      }),
    cancel: () => answer.cancel(),
  };
}

function unpacked(source, encodings) {
  const names = encodings
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  if (!names.length || !names.every((name) => ['gzip', 'x-gzip', 'deflate'].includes(name))) return source;
  const zlib = require('zlib');
  let isDone = false;
  return {
    async read() {
      if (isDone) return null;
      isDone = true;
      const chunks = [];
      for (let chunk = await source.read(); chunk !== null; chunk = await source.read()) chunks.push(chunk);
      let bytes = Buffer.concat(chunks);
      if (bytes.length === 0) return null;
      for (const name of names.reverse()) {
        // Some servers say deflate and send it bare.
        bytes =
          name !== 'deflate'
            ? zlib.gunzipSync(bytes)
            : (bytes[0] & 15) === 8
              ? zlib.inflateSync(bytes)
              : zlib.inflateRawSync(bytes);
      }
      return bytes;
    },
    cancel: () => source.cancel(),
  };
}

function responseOf(answer, url, redirected, signal, method) {
  const { status } = answer;
  if (status < 200 || status > 599) throw failed(new Error(`the answer has status ${status}`));
  const response = new Response(null, { status, statusText: codes[status] ?? '', headers: answer.headers });
  Object.assign(response, { _url: url.href.replace(/#.*$/, ''), _redirected: redirected, _type: 'basic' });
  if (method === 'HEAD' || [204, 205, 304].includes(status)) answer.cancel();
  else
    response._setBody({ source: unpacked(sourceOf(answer, signal), response.headers.get('content-encoding') ?? '') });
  return response;
}

async function fetch(input, init) {
  const request = new Request(input, init);
  const signal = request._givenSignal;
  signal?.throwIfAborted();
  const { redirect } = request;
  let { method } = request;
  let url = new URL(request.url);
  const type = await request._typeLater;
  const headers = new Headers(request.headers);
  if (type && !headers.has('content-type')) headers.set('content-type', type);
  for (const [name, value] of [
    ['accept', '*/*'],
    ['accept-language', '*'],
    ['user-agent', 'node'],
  ]) {
    if (!headers.has(name)) headers.set(name, value);
  }
  if (url.protocol === 'data:') return fromData(url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw failed(new Error(`unknown scheme ${url.protocol}`));
  let body = await request._consume();
  for (let count = 0; ; count++) {
    let answer;
    try {
      const sent = send({ method, url, headers: [...headers], body });
      answer = await abortable(sent.answer, signal, sent.cancel);
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? error : failed(error);
    }
    const location = answer.headers.find(([name]) => name.toLowerCase() === 'location')?.[1];
    if (!redirects.has(answer.status) || location === undefined || redirect === 'manual') {
      return responseOf(answer, url, count > 0, signal, method);
    }
    answer.cancel();
    if (redirect === 'error') throw failed(new Error('unexpected redirect'));
    if (count >= MOST_REDIRECTS) throw failed(new Error('redirect count exceeded'));
    let next;
    try {
      next = new URL(location, url);
    } catch (error) {
      throw failed(error);
    }
    if (next.protocol !== 'http:' && next.protocol !== 'https:')
      throw failed(new Error('URL scheme must be a HTTP(S) scheme'));
    if ((answer.status === 303 && method !== 'HEAD') || ([301, 302].includes(answer.status) && method === 'POST')) {
      if (method !== 'GET') {
        method = 'GET';
        body = new Uint8Array();
        for (const name of [
          'content-type',
          'content-encoding',
          'content-language',
          'content-location',
          'content-length',
        ])
          headers.delete(name);
      }
    }
    if (next.origin !== url.origin)
      for (const name of ['authorization', 'cookie', 'proxy-authorization', 'host']) headers.delete(name);
    url = next;
  }
}

function fromData(url) {
  const [, type, isBase64, data] = /^data:([^,]*?)(;\s*base64)?,(.*)$/is.exec(url.href) ?? [];
  if (data === undefined) throw failed(new Error('the data URL cannot be read'));
  const text = decodeURIComponent(data);
  return new Response(isBase64 ? Buffer.from(text, 'base64') : text, {
    headers: { 'content-type': type || 'text/plain;charset=US-ASCII' },
  });
}

module.exports = { fetch };
