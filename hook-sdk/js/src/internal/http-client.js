'use strict';
// One HTTP request by the engine, for node's http, for fetch and for sync-request.
const host = require('internal:host');
const { coded, unsupported } = require('internal:errors');

/** Set by the engine for the connection that it makes. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'host',
  'content-length',
  'te',
  'trailer',
  'expect',
]);

const refused = { 'connection-refused': ['ECONNREFUSED', 'connect'], 'connection-timeout': ['ETIMEDOUT', 'connect'] };
const ended = new Set([
  'connection-terminated',
  'HTTP-response-incomplete',
  'connection-read-timeout',
  'connection-write-timeout',
  'HTTP-protocol-error',
]);

/** What may not be sent, and who can allow it. */
const notAllowed = {
  'HTTP-request-denied': (host) =>
    `host \`${host}\` is not allowed; allow it with \`hookd settings --allow-host ${host}\``,
  'destination-IP-prohibited': (host) =>
    `\`${host}\` has an address that is not public; the operator opens a network with \`hookd up --allow-private-egress\``,
};

/** The error as Node has it; the engine's own name stays in `cause`. */
function asNode(error, url) {
  const { code, message } = error;
  const details = { cause: error };
  if (code === 'DNS-error' || code === 'DNS-timeout' || code === 'destination-not-found') {
    return coded('ENOTFOUND', `getaddrinfo ENOTFOUND ${url.hostname}`, Error, {
      ...details,
      errno: -3008,
      syscall: 'getaddrinfo',
      hostname: url.hostname,
    });
  }
  if (refused[code]) {
    const [name, syscall] = refused[code];
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    return coded(name, `connect ${name} ${url.hostname}:${port}`, Error, {
      ...details,
      errno: name === 'ECONNREFUSED' ? -111 : -110,
      syscall,
      address: url.hostname,
      port,
    });
  }
  if (ended.has(code))
    return coded('ECONNRESET', `socket hang up (${code})`, Error, { ...details, errno: -104, syscall: 'read' });
  if (code in notAllowed) {
    return coded('EACCES', notAllowed[code](url.host), Error, { ...details, errno: -13, syscall: 'connect' });
  }
  return Object.assign(new Error(message), details, code === undefined ? {} : { code });
}

function prepared({ method, url, headers, body, timeoutMs }) {
  const sent = headers.filter(([name]) => !hopByHop.has(name.toLowerCase()));
  if (body?.length > 0 || ['POST', 'PUT', 'PATCH'].includes(method))
    sent.push(['content-length', String(body?.length ?? 0)]);
  const request = { method, url: url.href.replace(/#.*$/, ''), headers: sent };
  if (body?.length > 0) request.body = body;
  if (timeoutMs !== undefined) request.timeoutMs = timeoutMs;
  return request;
}

function available(name) {
  if (typeof host[name] !== 'function') {
    throw unsupported(
      'no request can be sent: the bundle was built without them; build it again with code that requires http, https or fetch',
    );
  }
}

/**
 * Sends; `answer` is a promise of status, headers and a body to `read` piece by piece. What is given up with `cancel` before it
 * is there stays pending.
 */
function send(request) {
  available('http');
  const sent = host.http(prepared(request));
  const failed = (error) => {
    throw asNode(error, request.url);
  };
  let isOpen = true;
  let id = sent.id;
  const cancel = () => {
    if (!isOpen) return;
    isOpen = false;
    host.httpCancel(id);
  };
  const answer = sent.then(({ status, headers, body }) => {
    id = body;
    return {
      status,
      headers: [...headers],
      cancel,
      async read() {
        if (!isOpen) return null;
        try {
          const chunk = await host.httpRead(body);
          if (chunk === null) isOpen = false;
          return chunk;
        } catch (error) {
          isOpen = false;
          return failed(error);
        }
      },
    };
  }, failed);
  return { answer, cancel };
}

/** The same while the whole call waits; the body is read already. */
function sendAndWait(request) {
  available('httpBlocking');
  try {
    return host.httpBlocking(prepared(request));
  } catch (error) {
    throw asNode(error, request.url);
  }
}

module.exports = { send, sendAndWait };
