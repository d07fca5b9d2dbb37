'use strict';
// The functions and hooks of a module, and how they are called.
const host = require('./host');
const { failureOf, record } = require('./failure');
const { Promise, parse, stringify } = require('./primordials');

const table = Object.create(null);
/** Registered as LeanEngine names them, and never called: hooks of the object storage. */
const neverFired = new Set();

/** Adds `name`; a second one of that name is an error of the module. */
function add(name, handler, { internal = false, fetchUser = true, isFired = true } = {}) {
  if (name in table) throw new Error(`LeanEngine: ${name} already defined`);
  if (typeof handler !== 'function') throw new TypeError(`LeanEngine: the handler of ${name} is no function`);
  table[name] = { handler, internal: Boolean(internal), fetchUser };
  if (!isFired) neverFired.add(name);
}

/** Calls a handler in the shape that it is declared in; answers its value, or a promise of it. */
function start(handler, request) {
  if (handler.length !== 2) return handler(request);
  return new Promise((resolve, reject) => {
    handler(request, {
      success: resolve,
      error: (error) => reject(error === undefined ? '' : error),
    });
  });
}

async function invoke(handler, request) {
  return start(handler, request);
}

let userOf = () => undefined;

/** How the text of a user becomes an object: known to the SDK once it is loaded. */
function readUsersBy(read) {
  userOf = read;
}

/** What little of express handlers look at. Nothing is made of it before it is asked for. */
class ExpressRequest {
  #name;
  #params;
  #ctx;
  #headers;

  constructor(name, params, ctx) {
    this.#name = name;
    this.#params = params;
    this.#ctx = ctx;
  }

  get method() {
    return 'POST';
  }

  // Behind LeanEngine's middleware the rest of the path.
  get url() {
    return `/${this.#name}`;
  }

  get originalUrl() {
    return `/1.1/functions${this.url}`;
  }

  get body() {
    return this.#params;
  }

  get headers() {
    return (this.#headers ??= headersOf(this.#ctx));
  }

  get ip() {
    return this.#ctx.remoteAddress;
  }

  get(name) {
    return this.headers[String(name).toLowerCase()];
  }
}

function headersOf({ appId, environment, remoteAddress, sessionToken }) {
  const headers = {
    'content-type': 'application/json',
    'x-lc-id': appId,
    'x-lc-prod': environment === 'staging' ? '0' : '1',
  };
  if (remoteAddress) headers['x-real-ip'] = remoteAddress;
  if (sessionToken) headers['x-lc-session'] = sessionToken;
  return headers;
}

function requestOf(name, entry, params, ctx) {
  const user = ctx.currentUser && entry.fetchUser ? userOf(parse(ctx.currentUser)) : undefined;
  return {
    expressReq: new ExpressRequest(name, params, ctx),
    params,
    object: undefined,
    meta: { remoteAddress: ctx.remoteAddress },
    user,
    currentUser: user,
    sessionToken: user?.getSessionToken?.() ?? ctx.sessionToken,
  };
}

function encode(value) {
  if (value === undefined) return '';
  // A function or a symbol is nothing, as in JSON.
  return stringify(value) ?? '';
}

/** One call from outside: JSON text in, JSON text out; refused with code, status and message. */
function call(name, paramsText, ctx) {
  const entry = table[name];
  if (entry === undefined || neverFired.has(name)) {
    const message = `No such cloud function '${name}'`;
    host.log('error', `LeanEngine: /${name}: 404: ${message}`);
    return Promise.reject({ code: 1, status: 404, message });
  }
  let params;
  try {
    params = paramsText === '' ? {} : parse(paramsText);
  } catch (error) {
    return Promise.reject({ code: 1, status: 400, message: error.message });
  }
  const fail = (error) => {
    const failure = failureOf(error);
    record(name, error, failure);
    return failure;
  };
  const reply = (value) => {
    try {
      return encode(value);
    } catch (error) {
      throw fail(error);
    }
  };
  try {
    const answer = start(entry.handler, requestOf(name, entry, params, ctx));
    // Most of the time of a small hook would go into promises that no code waits for.
    if (typeof answer?.then !== 'function') return Promise.resolve(encode(answer));
    return Promise.resolve(answer).then(reply, (error) => {
      throw fail(error);
    });
  } catch (error) {
    return Promise.reject(fail(error));
  }
}

function definitions() {
  return Object.entries(table).map(([name, { internal }]) => ({ name, internal }));
}

module.exports = { table, neverFired, add, call, invoke, definitions, readUsersBy };
