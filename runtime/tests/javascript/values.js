// What handlers get, return and throw that is no ordinary JSON.
const AV = require('leanengine')

let calls = 0
AV.Cloud.define('calls', () => ++calls)
AV.Cloud.define('echo', (request) => request.params)
AV.Cloud.define('halves', (request) => ({
  got: [...request.params.text].map((character) => character.codePointAt(0).toString(16)),
  sent: '\ud800 and \udc00',
  joined: '\ud83d' + '\ude00'
}))
AV.Cloud.define('big', () => ({ number: 1n }))
AV.Cloud.define('cycle', () => { const object = {}; object.object = object; return object })
AV.Cloud.define('getter', () => ({ get x() { throw new Error('not today') } }))
AV.Cloud.define('nothing', () => undefined)
AV.Cloud.define('function', () => () => 1)
AV.Cloud.define('proxy', () => new Proxy({}, { ownKeys() { throw new Error('no keys') } }))

const thrown = {
  undefined: () => undefined,
  null: () => null,
  string: () => 'a text',
  number: () => 42,
  symbol: () => Symbol('a symbol'),
  big: () => 5n,
  function: () => () => 1,
  object: () => ({ code: 7, message: 'an object' }),
  bare: () => Object.create(null),
  revoked() { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy },
  getters: () => ({ get message() { throw new Error('no message') }, get code() { throw new Error('no code') } }),
  errorWithGetters() {
    const error = new Error('x')
    for (const name of ['message', 'stack', 'name', 'code', 'status']) {
      Object.defineProperty(error, name, { get() { throw new Error('no ' + name) } })
    }
    return error
  },
  odd: () => Object.assign(Object.defineProperty(new Error('odd'), 'stack', { value: {} }), { code: 'ECONNREFUSED', status: 'none' }),
  halves: () => new Error('half \ud800')
}
AV.Cloud.define('kinds', () => Object.keys(thrown))
AV.Cloud.define('throw', (request) => { throw thrown[request.params.kind]() })
AV.Cloud.define('reject', (request) => Promise.reject(thrown[request.params.kind]()))
AV.Cloud.define('later', (request) => new Promise((resolve, reject) => {
  setTimeout(() => { reject(thrown[request.params.kind]()) }, 1)
}))
AV.Cloud.define('unhandled', (request) => {
  Promise.reject(thrown[request.params.kind]())
  setTimeout(() => { throw thrown[request.params.kind]() }, 1)
  return 'replied'
})
