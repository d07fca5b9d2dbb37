// What hooks take from the language, from Node and from the web, one function a row.
const AV = require('leanengine')
const path = require('path')
const { add } = require('./lib/add')
const util = require('util')

const rows = {
  commonjs: () => [typeof require, typeof module, typeof exports, __filename, __dirname, add(1, 2), require('./words.json'), require.main === module],
  sloppy: () => {
    undeclared = 5
    var twice = 1; var twice = 2
    return [undeclared, twice, (function () { return this === globalThis })(), 010]
  },
  modern: async () => {
    class Point { #x = 1; static zero = new Point(); get x() { return this.#x } }
    const { a, ...rest } = { a: 1, b: 2, c: 3 }
    const list = []
    for await (const one of (async function* () { yield 1; yield 2 })()) list.push(one)
    return [`${Point.zero.x}`, a, rest, list, null ?? 'default', rest?.b, 2 ** 10, [1, [2]].flat(), Object.fromEntries([['k', 'v']]), 'a-b'.replaceAll('-', '+'), await Promise.any([Promise.reject(1), 2])]
  },
  process: () => [typeof process.version, process.pid, process.env.NOT_THERE === undefined, process.platform, process.cwd(), typeof process.nextTick, process.argv.length],
  console: () => {
    console.log('%s has %d', 'ann', 2, { deep: { er: { est: { a: 1 } } } }, [1, 'two'], null, undefined)
    console.warn('a warning')
    console.error(new Map([['k', new Set([1])]]))
    console.debug('details')
  },
  timers: async () => {
    const order = []
    const stopped = setTimeout(() => order.push('stopped'), 1)
    clearTimeout(stopped)
    setImmediate(() => order.push('immediate'))
    let ticks = 0
    const every = setInterval(() => { if (++ticks === 3) clearInterval(every) }, 1)
    await new Promise((resolve) => setTimeout(resolve, 30))
    return [order, ticks]
  },
  buffer: () => [Buffer.from('héllo').toString('base64'), Buffer.from('68c3a9', 'hex').toString(), Buffer.concat([Buffer.from('a'), Buffer.alloc(1)]).length, Buffer.isBuffer(Buffer.from(''))],
  json: () => [JSON.parse('{"at":1700000000000}').at, JSON.stringify({ a: undefined, b: NaN, c: new Date(0) }), Date.UTC(2020, 0), Math.max(1, 3), new Date(0).toISOString(), new Date(2020, 5, 1, 12).getTimezoneOffset()],
  locale: () => [(1234.5).toLocaleString().length > 0, new Date(0).toLocaleDateString().length > 0, new Date(0).toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai' }).length > 0, 'a'.localeCompare('b'), 'É'.toLocaleLowerCase(), 'é'.normalize('NFD').length, [1].toLocaleString()],
  fs: () => {
    const fs = require('fs')
    return [fs.readdirSync(path.join(__dirname, 'lib')), fs.readFileSync(path.join(__dirname, 'words.json'), 'utf8').trim(), fs.existsSync('./none'), fs.statSync('lib').isDirectory()]
  },
  crypto: async () => {
    const crypto = require('crypto')
    const digest = (name) => crypto.createHash(name).update('abc').digest('hex').slice(0, 8)
    const web = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'))
    return [crypto.createHmac('sha1', 'key').update('text').digest('hex').slice(0, 8), digest('md5'), digest('sha1'), digest('sha256'), Buffer.from(web).toString('hex').slice(0, 8), crypto.randomBytes(5).length, crypto.randomUUID().length]
  },
  modules: () => {
    const EventEmitter = require('events')
    const emitter = new EventEmitter()
    const heard = []
    emitter.on('say', (word) => heard.push(word))
    emitter.emit('say', 'hi')
    return [require('url').parse('http://a.com/p?q=1', true).query.q, typeof require('os').hostname(), util.format('%j', { a: 1 }), util.inspect({ a: [1] }), require('querystring').stringify({ a: 'ä' }), heard, require('zlib').gunzipSync(require('zlib').gzipSync('packed')).toString(), require('string_decoder').StringDecoder.name]
  },
  streams: async () => {
    const { Readable, Transform, pipeline } = require('stream')
    const out = []
    const upper = new Transform({ transform(chunk, _, done) { done(null, String(chunk).toUpperCase()) } })
    await util.promisify(pipeline)(Readable.from(['a', 'b']), upper, async function* (source) { for await (const one of source) out.push(String(one)) })
    const reader = new ReadableStream({ start(control) { control.enqueue('web'); control.close() } }).getReader()
    return [out.join(''), (await reader.read()).value]
  },
  web: async () => {
    const control = new AbortController()
    control.abort()
    const form = new FormData()
    form.append('k', new Blob(['v']), 'name')
    return [new URL('../b?x=1#h', 'http://a.com/c/d').href, new URLSearchParams({ a: 'ä' }).toString(), new TextDecoder().decode(new TextEncoder().encode('€')), structuredClone(new Map([[1, { a: new Date(5) }]])).get(1).a.getTime(),
      control.signal.reason.name, new Headers({ A: 'b' }).get('a'), await new Response('{"a":1}').json(), new Request('http://a.com', { method: 'post' }).method, form.get('k').name, atob(btoa('x')), typeof performance.now(), await new Response(form).text().then((text) => text.includes('filename="name"'))]
  },
  unsupported: () => {
    const said = (work) => { try { return work() } catch (error) { return error.message } }
    return [said(() => require('child_process').exec('ls')), said(() => require('fs').writeFileSync('a', 'b')), said(() => require('net').connect(80)), said(() => new (require('worker_threads').Worker)('x'))]
  },
  surface: async () => {
    AV.setProduction(false)
    AV.Cloud.start()
    AV.Cloud.stop()
    const acl = new AV.ACL()
    acl.setPublicReadAccess(true)
    const middleware = [AV.koa(), AV.koa2()].map((one) => typeof one)
    const later = await AV.Cloud.getTaskInfo('1').catch((error) => error.message.includes('queue'))
    return [middleware, typeof AV.Cloud.__prod, acl.toJSON(), new AV.File('a.txt', { base64: 'YQ==' }).name(), later]
  },
  storage: async () => {
    const Post = AV.Object.extend('Post')
    const post = new Post({ title: 'a' })
    const asked = await Promise.allSettled([post.save(), new AV.Query(Post).equalTo('a', 1).find(), AV.User.logIn('a', 'b'), AV.Object.saveAll([post]), AV.Cloud.enqueue('f')])
    return [post.get('title'), asked.every(({ status, reason }) => status === 'rejected' && reason instanceof Error), AV.Object.createWithoutData('Post', 'p').id, AV.parseJSON({ __type: 'Date', iso: '2020-01-01T00:00:00.000Z' }).getTime(), require('leancloud-storage') === AV]
  },
  random: () => Math.random()
}
for (const [name, row] of Object.entries(rows)) AV.Cloud.define(name, row)

// What functions return and throw.
const outcomes = {
  undefined: () => undefined, null: () => null, text: () => 'text', nan: () => ({ a: NaN, b: undefined }), surrogate: () => '\ud800', date: () => new Date(0), function: () => () => 1,
  bigint: () => 1n, cycle: () => { const a = {}; a.a = a; return a }, client: () => { throw new AV.Cloud.Error('no') }, coded: () => { throw new AV.Cloud.Error('no', { code: 7, status: 422 }) },
  server: () => { throw new Error('oops') }, string: () => Promise.reject('text'), object: () => Promise.reject({ code: 42, message: 'an object' }), nothing: () => Promise.reject(), trap: () => { throw { get message() { throw new Error('a trap') } } },
  deep: () => { const f = () => f() + 1; return f() }
}
for (const [name, outcome] of Object.entries(outcomes)) AV.Cloud.define(`out_${name}`, outcome)
AV.Cloud.define('legacy', (request, response) => { setTimeout(() => { response.success({ n: request.params.n }); response.error('late') }, 1) })
AV.Cloud.define('legacyError', (request, response) => response.error('refused'))
AV.Cloud.define('never', () => new Promise(() => {}))
