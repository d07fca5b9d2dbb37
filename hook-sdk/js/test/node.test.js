'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const zlib = require('node:zlib');
const { open, handler } = require('./harness');

/** Each expression gives in a module what it gives in Node. */
async function same(setUp, expressions) {
  const body = `${setUp}\nreturn [${expressions.map((one) => `await (async () => { try { return await (${one}) } catch (error) { return ['threw', error.code, error.name, error.message] } })()`).join(',\n')}]`;
  const module = handler(body);
  const ours = await module.call('f');
  const node = JSON.parse(JSON.stringify(await new Function('require', `return (async () => { ${body} })()`)(require)));
  for (const [index, expression] of expressions.entries()) assert.deepEqual(ours[index], node[index], expression);
}

test('path, os and punycode', () =>
  same("const path = require('path')", [
    "path.join('/a', '..', 'b', './c')",
    "path.resolve('/a', 'b', '../c')",
    "path.basename('/x/y.html', '.html')",
    "path.extname('a.b.c')",
    "path.relative('/a/b/c', '/a/d')",
    "path.parse('/home/x/file.txt')",
    "path.format({ dir: '/a', base: 'b' })",
    "path.isAbsolute('a')",
    "path.normalize('/a//b/../c/')",
    'path.sep + path.delimiter',
    "path.posix.join('a', 'b')",
    "require('os').EOL",
    "require('os').platform()",
    "typeof require('os').hostname()",
  ]));

test('querystring and the old functions of url', () =>
  same("const qs = require('querystring'), url = require('url')", [
    "qs.parse('a=1&a=2&b=%C3%A4+x&c')",
    "qs.stringify({ a: [1, 2], b: 'ä', c: true, d: null })",
    "qs.escape('a b&c')",
    "qs.unescape('%41')",
    "qs.parse('a:1;b:2', ';', ':')",
    "url.parse('https://u:p@Host.com:8080/p/a?q=1#h')",
    "url.parse('/p?x=1', true).query",
    "url.parse('mailto:a@b.c').protocol",
    "url.format({ protocol: 'http', host: 'a.com', pathname: '/x', query: { y: 1 } })",
    "url.resolve('http://a.com/b/c', '../d')",
    "url.format(new URL('http://a.com/x#y'), { fragment: false })",
    "url.fileURLToPath('file:///a%20b')",
    "url.pathToFileURL('/a b').href",
    "url.urlToHttpOptions(new URL('http://u:p@a.com:81/x?y')).path",
    "url.domainToASCII('español.com')",
  ]));

test('events', () =>
  same("const EventEmitter = require('events'); const seen = []; const one = new EventEmitter()", [
    "(one.on('a', (...values) => seen.push(values)), one.emit('a', 1, 2), seen)",
    "one.emit('none')",
    "one.emit('error', new Error('unheard'))",
    "(one.once('b', () => seen.push('b')), one.emit('b'), one.emit('b'), seen.length)",
    "(one.prependListener('a', () => seen.push('first')), one.emit('a'), seen.slice(-2))",
    "one.listenerCount('a')",
    'one.eventNames()',
    "(setTimeout(() => one.emit('later', 5), 1), EventEmitter.once(one, 'later'))",
    "(async () => { const list = []; setTimeout(() => { one.emit('c', 1); one.emit('c', 2) }, 1); for await (const [value] of EventEmitter.on(one, 'c')) { list.push(value); if (list.length === 2) return list } })()",
    'EventEmitter.EventEmitter === EventEmitter',
    '(class Own extends EventEmitter {}).name',
    '(one.removeAllListeners(), one.eventNames())',
  ]));

test('util', () =>
  same("const util = require('util')", [
    'util.promisify((value, done) => done(null, value + 1))(1)',
    "util.promisify((done) => done(new Error('no')))()",
    'new Promise((resolve) => util.callbackify(async () => 7)((error, value) => resolve(value)))',
    'util.inspect({ a: { b: { c: { d: 1 } } } }, { depth: 1 })',
    "util.inspect('a')",
    "util.inspect({ [util.inspect.custom]() { return 'own' } })",
    "util.format('%s=%j', 'a', { b: 1 })",
    'util.isDeepStrictEqual({ a: [1, new Map([[1, 2]])] }, { a: [1, new Map([[1, 2]])] })',
    'util.isDeepStrictEqual([1, , 3], [1, undefined, 3])',
    'util.types.isDate(new Date())',
    'util.types.isPromise(Promise.resolve())',
    'util.types.isRegExp({})',
    'util.types.isTypedArray(new Uint8Array())',
    "util.types.isUint8Array(Buffer.from(''))",
    'util.types.isAsyncFunction(async () => {})',
    '(() => { function A() {} function B() {} util.inherits(A, B); return new A() instanceof B })()',
    'util.inspect(new Proxy({ a: 1 }, {}))',
    "util.stripVTControlCharacters('\\u001b[1mx\\u001b[0m')",
    'util.isArray([])',
    "util.deprecate(() => 5, 'old')()",
    'util.inspect([1, 2, 3], { compact: false })',
    "util.inspect('x'.repeat(3), { colors: true })",
    "util.toUSVString('\\ud800')",
    'util.promisify(5)',
  ]));

test('assert', () =>
  same("const assert = require('assert')", [
    'assert(true)',
    "assert.equal(1, '1')",
    "assert.deepEqual({ a: 1 }, { a: '1' })",
    'assert.deepStrictEqual([1, { a: 2 }], [1, { a: 2 }])',
    'assert.notStrictEqual(1, 2)',
    "assert.throws(() => { throw new TypeError('x') }, TypeError)",
    "assert.throws(() => { throw new Error('abc') }, /abc/)",
    "assert.throws(() => { throw new Error('abc') }, { message: 'abc' })",
    "assert.rejects(Promise.reject(new Error('r')), /r/)",
    'assert.doesNotThrow(() => {})',
    'assert.ifError(null)',
    "assert.match('abc', /b/)",
    "(() => { try { assert.strictEqual(1, 2, 'own text') } catch (error) { return [error.code, error.name, error.operator, error.actual, error.generatedMessage] } })()",
    "(() => { try { assert.fail('f') } catch (error) { return error.message } })()",
    "(() => { try { assert.deepStrictEqual(new Set([{ a: 1 }]), new Set([{ a: 2 }])); return 'same' } catch { return 'other' } })()",
    'assert.strict.equal === assert.strictEqual',
  ]));

test('streams', () =>
  same(
    "const { Readable, Writable, Transform, PassThrough, pipeline, finished } = require('stream'); const { pipeline: piped } = require('stream/promises')",
    [
      "(async () => { let text = ''; for await (const chunk of Readable.from(['a', 'b'])) text += chunk; return text })()",
      "(async () => { const out = []; await piped(Readable.from(['a', 'b']), new Transform({ transform(chunk, _, done) { done(null, String(chunk).toUpperCase()) } }), new Writable({ write(chunk, _, done) { out.push(String(chunk)); done() } })); return out })()",
      "new Promise((resolve) => pipeline(Readable.from(['x']), new PassThrough(), (error) => resolve(error ? error.message : 'done')).resume())",
      "piped(new Readable({ read() { this.destroy(new Error('broken')) } }), new PassThrough())",
      "new Promise((resolve) => { const one = new PassThrough(); one.setEncoding('utf8'); one.on('data', resolve); one.end(Buffer.from('€')) })",
      "require('stream/consumers').json(Readable.from(['{\"a\"', ':1}']))",
      "require('stream').Stream === require('stream')",
      '(async () => (await Readable.from([1, 2, 3]).map((value) => value * 2).toArray()))()',
      "typeof require('stream/web').ReadableStream",
      "require('stream/consumers').text(Readable.fromWeb(new ReadableStream({ start(c) { c.enqueue(new TextEncoder().encode('web')); c.close() } })))",
      "(async () => { let text = ''; for await (const chunk of Readable.toWeb(Readable.from([Buffer.from('n'), Buffer.from('ode')], { objectMode: false }))) text += Buffer.from(chunk); return text })()",
      "(async () => { const out = []; const to = Writable.toWeb(new Writable({ write(chunk, _, done) { out.push(String(chunk)); done() } })).getWriter(); await to.write(Buffer.from('w')); await to.close(); return out })()",
      "new Promise((resolve) => { const w = new Writable({ write(c, e, d) { d() } }); finished(w, () => resolve('finished')); w.end() })",
    ],
  ));

test('digests, HMAC, PBKDF2 and HKDF are those of Node', () =>
  same("const crypto = require('crypto')", [
    ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'SHA256', 'RSA-SHA1'].map(
      (name) => `crypto.createHash('${name}').update('héllo').update(Buffer.from([1, 2])).digest('hex')`,
    ),
    "crypto.createHmac('sha1', 'key').update('a').update('b').digest('base64')",
    "crypto.createHmac('sha256', Buffer.alloc(100, 1)).update('x').digest('base64url')",
    "crypto.createHash('sha1').update('a', 'utf8').copy().update('b').digest('hex')",
    "crypto.createHash('sha1').digest().toString('hex')",
    "crypto.pbkdf2Sync('password', 'salt', 3, 40, 'sha256').toString('hex')",
    "new Promise((resolve) => crypto.pbkdf2('p', 's', 1, 16, 'sha1', (error, key) => resolve(key.toString('hex'))))",
    "Buffer.from(crypto.hkdfSync('sha256', 'key', 'salt', 'info', 42)).toString('hex')",
    "crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('a'))",
    "crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab'))",
    'crypto.randomBytes(16).length',
    'crypto.randomUUID().length',
    '(() => { const n = crypto.randomInt(5, 6); return n })()',
    "crypto.createSecretKey(Buffer.from('k')).export().toString()",
    "crypto.createHmac('sha256', crypto.createSecretKey(Buffer.from('k'))).update('x').digest('hex')",
    "new Promise((resolve) => { const hash = crypto.createHash('sha256'); hash.on('readable', () => { const data = hash.read(); if (data) resolve(data.toString('hex')) }); hash.write('streamed'); hash.end() })",
    "(() => { const hash = crypto.createHash('md5'); hash.digest(); hash.update('late') })()",
    'crypto.getRandomValues(new Uint8Array(4)).length',
    "crypto.webcrypto.subtle.digest('SHA-512', new TextEncoder().encode('abc')).then((bits) => Buffer.from(bits).toString('hex'))",
  ]));

test('AES gives what Node gives, whole or in pieces', () =>
  same(
    `
    const crypto = require('crypto')
    const key = (bits) => Buffer.alloc(bits / 8, 'key of it'), iv = Buffer.alloc(16, 7)
    const pack = (name, text, change = () => {}) => { const bits = Number(name.slice(4, 7)); const one = crypto.createCipheriv(name, key(bits), name.endsWith('ecb') ? null : name.endsWith('gcm') ? iv.subarray(4) : iv); change(one); const out = one.update(text, 'utf8', 'hex') + one.final('hex'); return name.endsWith('gcm') ? [out, one.getAuthTag().toString('hex')] : out }
    const unpack = (name, hex, change = () => {}) => { const bits = Number(name.slice(4, 7)); const one = crypto.createDecipheriv(name, key(bits), name.endsWith('ecb') ? null : name.endsWith('gcm') ? iv.subarray(4) : iv); change(one); return Buffer.concat([one.update(hex, 'hex'), one.final()]).toString() }`,
    [
      ...['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc', 'aes-128-ecb', 'aes-256-ctr', 'aes-256-gcm', 'AES-128-CBC'].map(
        (name) => `pack('${name}', 'héllo, a text of some length')`,
      ),
      "unpack('aes-256-cbc', pack('aes-256-cbc', 'back'))",
      "unpack('aes-128-ctr', pack('aes-128-ctr', 'back'))",
      "(() => { const [text, tag] = pack('aes-128-gcm', 'sealed', (one) => one.setAAD(Buffer.from('head'))); return unpack('aes-128-gcm', text, (one) => one.setAAD(Buffer.from('head')).setAuthTag(Buffer.from(tag, 'hex'))) })()",
      "(() => { try { unpack('aes-128-gcm', '00', (one) => one.setAuthTag(Buffer.alloc(16))) } catch (error) { return error.message } })()",
      "(() => { try { unpack('aes-128-cbc', '00'.repeat(16)) } catch (error) { return error.code } })()",
      "pack('aes-128-cbc', 'x'.repeat(16), (one) => one.setAutoPadding(false))",
      "crypto.createCipheriv('aes-128-cbc', 'short', iv)",
      "crypto.createCipheriv('aes-128-cbc', key(128), 'short')",
    ],
  ));

test('what crypto has not is refused with what there is', async () => {
  assert.match(
    (await handler("require('crypto').createSign('RSA-SHA256')").failure('f')).message,
    /^crypto\.createSign is not offered: .* node-forge/,
  );
  assert.match(
    (await handler("require('crypto').createHash('md4')").failure('f')).message,
    /^Invalid digest: md4 \(offered are md5, sha1/,
  );
});

test('zlib packs and unpacks what Node does', async () => {
  const packed = Object.fromEntries(
    Object.entries({ gzip: 'gzipSync', deflate: 'deflateSync', raw: 'deflateRawSync' }).map(([name, method]) => [
      name,
      zlib[method]('text '.repeat(100)).toString('base64'),
    ]),
  );
  const module = handler(`
    const zlib = require('zlib'), { promisify } = require('util'), { Readable } = require('stream'), p = request.params
    const of = (name) => Buffer.from(p[name], 'base64')
    const streamed = async (stream, ...chunks) => { const out = []; for await (const chunk of Readable.from(chunks).pipe(stream)) out.push(chunk); return Buffer.concat(out).toString() }
    return [zlib.gunzipSync(of('gzip')).toString().length, zlib.inflateSync(of('deflate')).length, zlib.inflateRawSync(of('raw')).length, zlib.unzipSync(of('gzip')).length, (await promisify(zlib.unzip)(of('deflate'))).length,
      (await streamed(zlib.createGunzip(), of('gzip').subarray(0, 10), of('gzip').subarray(10))).length, await streamed(zlib.createInflate(), zlib.deflateSync('x')),
      zlib.gzipSync('again').toString('base64'), await promisify(zlib.gunzip)(Buffer.from('no gzip')).catch((error) => error.code), await streamed(zlib.createGunzip(), of('gzip').subarray(0, 20)).catch((error) => error.code), zlib.crc32('hello'), zlib.constants.Z_BEST_SPEED]`);
  const reply = await module.call('f', packed);
  assert.equal(zlib.gunzipSync(Buffer.from(reply[7], 'base64')).toString(), 'again');
  assert.deepEqual(reply.toSpliced(7, 1), [
    500,
    500,
    500,
    500,
    500,
    500,
    'x',
    'Z_DATA_ERROR',
    'Z_BUF_ERROR',
    907060870,
    1,
  ]);
});

test('fs reads the project and writes nothing', async () => {
  const { 'fs:write': text } = require('../src/unsupported.json');
  const module = open({
    'cloud.js': `const AV = require('leanengine'), fs = require('fs'), path = require('path')
      AV.Cloud.define('f', async () => {
        const code = (work) => { try { return work() } catch (error) { return [error.code, error.message] } }
        const stream = await new Promise((resolve, reject) => { let whole = ''; fs.createReadStream('data/words.txt', 'utf8').on('data', (piece) => { whole += piece }).on('end', () => resolve(whole)).on('error', reject) })
        const fd = fs.openSync('data/words.txt'), target = Buffer.alloc(3); fs.readSync(fd, target); fs.closeSync(fd)
        return { text: fs.readFileSync(path.join(__dirname, 'data/words.txt'), 'utf8'), bytes: fs.readFileSync('data/words.txt').length, own: fs.readFileSync(__filename, 'utf8').startsWith('const AV'),
          list: fs.readdirSync('.'), types: fs.readdirSync('/app/data', { withFileTypes: true }).map((one) => [one.name, one.isDirectory()]), deep: fs.readdirSync('data', { recursive: true }), exists: [fs.existsSync('data'), fs.existsSync('none'), fs.existsSync(undefined)],
          stat: [fs.statSync('data').isDirectory(), fs.statSync('data/words.txt').size, fs.statSync('x', { throwIfNoEntry: false }) === undefined], promise: await fs.promises.readFile('data/words.txt', 'utf8'), later: await new Promise((resolve) => fs.readFile('data/none', (error) => resolve(error.code))),
          json: JSON.parse(fs.readFileSync('package.json')).name, missing: code(() => fs.readFileSync('/app/none')), folder: code(() => fs.readFileSync('data')), stream, read: target.toString(), real: fs.realpathSync('./data'), access: code(() => fs.accessSync('none')),
          escape: code(() => fs.readFileSync('/etc/passwd')), up: code(() => fs.readFileSync('../../etc/passwd')) }
      })
      AV.Cloud.define('write', () => fs.writeFileSync('/tmp/x', 'y'))
      AV.Cloud.define('writeLater', () => new Promise((resolve, reject) => fs.mkdir('a', { recursive: true }, (error) => error ? reject(error) : resolve())))
      AV.Cloud.define('writePromise', () => fs.promises.appendFile('a', 'b'))
      AV.Cloud.define('open', () => fs.openSync('a', 'w'))
      AV.Cloud.define('stream', () => fs.createWriteStream('a'))`,
    'package.json': '{"name":"project"}',
    'data/words.txt': 'eins\nzwei\n',
    'data/more/x.txt': '',
  }).load();
  assert.deepEqual(await module.call('f'), {
    text: 'eins\nzwei\n',
    bytes: 10,
    own: true,
    list: ['cloud.js', 'data', 'package.json'],
    types: [
      ['more', true],
      ['words.txt', false],
    ],
    deep: ['more', 'more/x.txt', 'words.txt'],
    exists: [true, false, false],
    stat: [true, 10, true],
    promise: 'eins\nzwei\n',
    later: 'ENOENT',
    json: 'project',
    missing: ['ENOENT', "ENOENT: no such file or directory, open '/app/none'"],
    folder: ['EISDIR', 'EISDIR: illegal operation on a directory, read'],
    stream: 'eins\nzwei\n',
    read: 'ein',
    real: '/app/data',
    access: ['ENOENT', "ENOENT: no such file or directory, access '/app/none'"],
    escape: ['ENOENT', "ENOENT: no such file or directory, open '/etc/passwd'"],
    up: ['ENOENT', "ENOENT: no such file or directory, open '/etc/passwd'"],
  });
  for (const [name, method] of [
    ['write', 'writeFile'],
    ['writeLater', 'mkdir'],
    ['writePromise', 'appendFile'],
    ['open', 'open'],
    ['stream', 'createWriteStream'],
  ]) {
    assert.equal((await module.failure(name)).message, `fs.${method}: ${text}`, name);
  }
});

test('async_hooks, diagnostics_channel, perf_hooks, string_decoder and tty', async () => {
  const module = handler(`
    const { AsyncLocalStorage } = require('async_hooks'); const storage = new AsyncLocalStorage()
    const inside = await storage.run({ id: 1 }, async () => { await new Promise((resolve) => setTimeout(resolve, 1)); return storage.getStore().id })
    const channel = require('diagnostics_channel').channel('c'); const seen = []; channel.subscribe((message) => seen.push(message)); channel.publish(5)
    const { StringDecoder } = require('string_decoder'); const decoder = new StringDecoder('utf8'); const euro = Buffer.from('€')
    return [inside, storage.getStore() === undefined, seen, require('perf_hooks').performance.now() >= 0, decoder.write(euro.subarray(0, 1)) + decoder.write(euro.subarray(1)), require('tty').isatty(1), require('child_process') !== undefined]`);
  assert.deepEqual(await module.call('f'), [1, true, [5], true, '€', false, true]);
});
