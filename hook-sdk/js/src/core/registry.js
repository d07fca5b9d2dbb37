'use strict'
// The functions and hooks of a module, and how they are called.
const host = require('./host')
const { failureOf, record } = require('./failure')
const { parse, stringify } = require('./primordials')

const table = Object.create(null)
/** Registered as LeanEngine names them, and never called: hooks of the object storage. */
const neverFired = new Set()

/** Adds `name`; a second one of that name is an error of the module. */
function add(name, handler, { internal = false, fetchUser = true, isFired = true } = {}) {
  if (name in table) throw new Error(`LeanEngine: ${name} already defined`)
  if (typeof handler !== 'function') throw new TypeError(`LeanEngine: the handler of ${name} is no function`)
  table[name] = { handler, internal: Boolean(internal), fetchUser }
  if (!isFired) neverFired.add(name)
}

/** Calls a handler in the shape that it is declared in. */
function invoke(handler, request) {
  if (handler.length !== 2) {
    try {
      return Promise.resolve(handler(request))
    } catch (error) {
      return Promise.reject(error)
    }
  }
  return new Promise((resolve, reject) => {
    handler(request, {
      success: resolve,
      error: (error) => reject(error === undefined ? '' : error)
    })
  })
}

let userOf = () => undefined

/** How the text of a user becomes an object: known to the SDK once it is loaded. */
function readUsersBy(read) {
  userOf = read
}

class ExpressRequest {
  constructor(name, params, ctx) {
    this.method = 'POST'
    this.url = `/1.1/functions/${name}`
    this.originalUrl = this.url
    this.body = params
    Object.defineProperty(this, '_ctx', { value: ctx, enumerable: false })
  }

  get headers() {
    const { _ctx: ctx } = this
    const headers = { 'content-type': 'application/json', 'x-lc-id': ctx.appId, 'x-lc-prod': ctx.environment === 'staging' ? '0' : '1' }
    if (ctx.remoteAddress) headers['x-real-ip'] = ctx.remoteAddress
    if (ctx.sessionToken) headers['x-lc-session'] = ctx.sessionToken
    Object.defineProperty(this, 'headers', { value: headers, writable: true, configurable: true, enumerable: true })
    return headers
  }

  get ip() {
    return this._ctx.remoteAddress
  }

  get(name) {
    return this.headers[String(name).toLowerCase()]
  }
}

function requestOf(name, entry, params, ctx) {
  const user = ctx.currentUser && entry.fetchUser ? userOf(parse(ctx.currentUser)) : undefined
  return {
    expressReq: new ExpressRequest(name, params, ctx),
    params,
    object: undefined,
    meta: { remoteAddress: ctx.remoteAddress },
    user,
    currentUser: user,
    sessionToken: user?.getSessionToken?.() ?? ctx.sessionToken
  }
}

function encode(value) {
  if (value === undefined) return ''
  // A function or a symbol is nothing, as in JSON.
  return stringify(value) ?? ''
}

/** One call from outside: JSON text in, JSON text out; refused with code, status and message. */
function call(name, paramsText, ctx) {
  const entry = table[name]
  if (entry === undefined || neverFired.has(name)) {
    const message = `No such cloud function '${name}'`
    host.log('error', `LeanEngine: /${name}: 404: ${message}`)
    return Promise.reject({ code: 1, status: 404, message })
  }
  let params
  try {
    params = paramsText === '' ? {} : parse(paramsText)
  } catch (error) {
    return Promise.reject({ code: 1, status: 400, message: error.message })
  }
  let answer
  try {
    answer = invoke(entry.handler, requestOf(name, entry, params, ctx))
  } catch (error) {
    answer = Promise.reject(error)
  }
  return answer.then(encode).catch((error) => {
    const failure = failureOf(error)
    record(name, error, failure)
    throw failure
  })
}

function definitions() {
  return Object.entries(table).map(([name, { internal }]) => ({ name, internal }))
}

module.exports = { table, neverFired, add, call, invoke, definitions, readUsersBy }
