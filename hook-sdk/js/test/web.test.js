'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { handler } = require('./harness');

/** Each expression gives in a module what it gives in Node, which follows the standards. */
async function same(setUp, expressions) {
  const body = `${setUp}\nreturn [${expressions.map((one) => `await (async () => { try { return await (${one}) } catch (error) { return ['threw', error.name] } })()`).join(',\n')}]`;
  const ours = await handler(body).call('f');
  const node = JSON.parse(JSON.stringify(await new Function(`return (async () => { ${body} })()`)()));
  for (const [index, expression] of expressions.entries()) assert.deepEqual(ours[index], node[index], expression);
}

test('URL and URLSearchParams', () =>
  same(
    'const parts = (...given) => { const { href, origin, protocol, username, password, host, hostname, port, pathname, search, hash } = new URL(...given); return [href, origin, protocol, username, password, host, hostname, port, pathname, search, hash] }',
    [
      "parts('https://user:pa%20ss@Example.COM:443/a/./b/../c?x=1&y#frag')",
      "parts('../x?q', 'http://a.com/b/c/d')",
      "parts('//other/x', 'https://a.com')",
      "parts('http://[::1]:8080/')",
      "parts('http://192.168.0.1.:80/')",
      "parts('http://0x7f.1/')",
      "parts('file:///a/b')",
      "parts('mailto:a@b.c')",
      "parts('http://a.com/ä b?ü#ö')",
      "parts('http://münchen.de/')",
      "parts('data:text/plain,x')",
      "new URL('nonsense')",
      "new URL('http://a b/')",
      "new URL('http://a.com:99999/')",
      "URL.canParse('x:y')",
      "URL.canParse('x')",
      "(() => { const url = new URL('http://a.com'); url.searchParams.append('k', 'v w'); url.hash = 'h'; url.port = '81'; url.pathname = '/p q'; url.protocol = 'https'; return url.href })()",
      "JSON.stringify({ url: new URL('http://a.com') })",
      "[...new URLSearchParams('?a=1&b=2&a=3+4')]",
      "new URLSearchParams({ a: 'ä&', b: '=' }).toString()",
      "new URLSearchParams([['a', '1'], ['b', '2']]).get('b')",
      "(() => { const p = new URLSearchParams('b=1&a=2&b=3'); p.sort(); p.delete('a'); p.set('c', 'd'); return [p.toString(), p.getAll('b'), p.has('c'), [...p.keys()], p.size] })()",
    ],
  ));

test('TextEncoder and TextDecoder', () =>
  same('const hex = (bytes) => [...bytes]', [
    "hex(new TextEncoder().encode('aé€😀'))",
    "hex(new TextEncoder().encode('\\ud800'))",
    "new TextEncoder().encodeInto('a€', new Uint8Array(3))",
    'new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61]))',
    "new TextDecoder('utf-8', { ignoreBOM: true }).decode(new Uint8Array([0xef, 0xbb, 0xbf, 0x61])).length",
    'new TextDecoder().decode(new Uint8Array([0x61, 0xff, 0x62]))',
    "new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff]))",
    '(() => { const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }) + d.decode(new Uint8Array([0xac])) })()',
    "new TextDecoder('latin1').decode(new Uint8Array([0xe4, 0x61]))",
    "new TextDecoder('utf-16le').decode(new Uint8Array([0x61, 0, 0xac, 0x20]))",
    "new TextDecoder('nonsense')",
    "new TextDecoder('utf8').encoding",
    'new TextDecoder().decode()',
  ]));

test('structuredClone', () =>
  same('const of = (value, options) => structuredClone(value, options)', [
    'of({ a: [1, { b: null }], c: undefined, d: 1n.toString() })',
    'of(new Date(5)) instanceof Date',
    '[...of(new Map([[{ k: 1 }, new Set([1])]])).keys()]',
    'of(/a/gi).flags',
    '(() => { const a = { n: 1 }; a.self = a; const b = of(a); return b.self === b && b !== a })()',
    'of(() => 1)',
    "of(Symbol('s'))",
    'of({ f() {} })',
    '[...of(new Uint8Array([1, 2]).subarray(1))]',
    'of(new Uint16Array([5])) instanceof Uint16Array',
    "(() => { const error = of(new TypeError('x', { cause: 1 })); return [error instanceof TypeError, error.message, error.cause] })()",
    'of([1, , 3]).length',
    '1 in of([1, , 3])',
    'of(Object(5)) instanceof Number',
    'of(new WeakMap())',
    'of(Promise.resolve())',
    '(() => { const buffer = new ArrayBuffer(3); const copy = of(buffer); return [copy.byteLength, copy !== buffer] })()',
    '(() => { class A { constructor() { this.x = 1 } } const copy = of(new A()); return [copy.x, copy.constructor === Object] })()',
    'structuredClone()',
  ]));

test('events and aborting', () =>
  same('const target = new EventTarget(); const seen = []', [
    "(target.addEventListener('a', (event) => seen.push([event.type, event.target === target])), target.dispatchEvent(new Event('a')), seen)",
    "(target.addEventListener('b', { handleEvent() { seen.push('object') } }, { once: true }), target.dispatchEvent(new Event('b')), target.dispatchEvent(new Event('b')), seen.length)",
    "(target.addEventListener('c', (event) => event.preventDefault()), target.dispatchEvent(new Event('c', { cancelable: true })))",
    "(target.addEventListener('d', (event) => { event.stopImmediatePropagation() }), target.addEventListener('d', () => seen.push('never')), target.dispatchEvent(new Event('d')), seen.length)",
    "new CustomEvent('x', { detail: 5 }).detail",
    "(() => { const control = new AbortController(); let count = 0; control.signal.onabort = () => count++; control.signal.addEventListener('abort', () => count++); control.abort(); control.abort(); return [count, control.signal.aborted, control.signal.reason.name] })()",
    "AbortSignal.abort('why').reason",
    'AbortSignal.abort().throwIfAborted()',
    "(() => { const one = new AbortController(); const any = AbortSignal.any([one.signal, new AbortController().signal]); one.abort('first'); return [any.aborted, any.reason] })()",
    "new Promise((resolve) => { const signal = AbortSignal.timeout(1); setTimeout(() => {}, 20); signal.addEventListener('abort', () => resolve(signal.reason.name)) })",
    'new AbortSignal()',
    "[new DOMException('m', 'AbortError').code, DOMException.ABORT_ERR, new DOMException('m') instanceof Error]",
  ]));

test('Headers, Request and Response', () =>
  same("const h = new Headers({ 'X-B': '1', a: ' 2 ' })", [
    "(h.append('x-b', '3'), [...h])",
    "h.get('X-B')",
    "h.get('none')",
    "new Headers([['a', 'b'], ['a', 'c']]).get('a')",
    "new Headers({ 'bad name': 'x' })",
    "new Headers({ a: 'x\\ny' })",
    "(() => { const one = new Headers(); one.append('set-cookie', 'a'); one.append('set-cookie', 'b'); return [one.getSetCookie(), [...one]] })()",
    "(() => { const { method, url, redirect } = new Request('http://a.com/x', { method: 'post', body: 'b' }); return [method, url, redirect] })()",
    "new Request('http://a.com', { body: 'x' })",
    "new Request('relative')",
    "new Request(new Request('http://a.com', { method: 'PUT', body: 'x', headers: { a: 'b' } })).text()",
    "(async () => { const one = new Request('http://a.com', { method: 'PUT', body: 'x' }); const two = one.clone(); return [await one.text(), await two.text()] })()",
    "(() => { const one = new Request('http://a.com', { method: 'PUT', body: 'x' }); new Request(one); return one.bodyUsed })()",
    "new Request('http://u:p@a.com')",
    "(() => { const { status, ok, statusText } = new Response('x', { status: 404, statusText: 'no' }); return [status, ok, statusText] })()",
    'new Response(\'{"a":1}\').json()',
    "new Response('not json').json()",
    'new Response(new Uint8Array([104, 105])).text()',
    'new Response(null, { status: 204 }).text()',
    "new Response('x', { status: 204 })",
    "new Response('x', { status: 99 })",
    "(async () => { const one = new Response('x'); await one.text(); return one.text() })()",
    "Response.json({ a: 1 }).headers.get('content-type')",
    "Response.redirect('http://a.com/', 301).headers.get('location')",
    'Response.error().type',
    "(async () => { const one = new Response('abc'); const two = one.clone(); return [await one.text(), await two.text()] })()",
    "new Response(new URLSearchParams('a=1')).formData().then((form) => form.get('a'))",
    "new Response(new Blob(['x'], { type: 'text/y' })).headers.get('content-type')",
    "new Response(new Blob(['x'], { type: 'text/y' })).blob().then(({ type, size }) => [type, size])",
    "(async () => { const reader = new Response('hi').body.getReader(); const first = await reader.read(); return [[...first.value], (await reader.read()).done] })()",
  ]));

test('Blob, File and FormData', () =>
  same(
    "const form = new FormData(); form.append('a', '1'); form.append('a', '2'); form.append('f', new Blob(['c']), 'n.txt')",
    [
      "new Blob(['a', new Uint8Array([98]), new Blob(['c'])], { type: 'TEXT/Plain' }).text()",
      "new Blob(['abcdef']).slice(1, -1).text()",
      "new Blob(['a'], { type: 'A/B' }).type",
      "(() => { const file = new File(['x'], 'n', { type: 't/t', lastModified: 5 }); return [file.name, file.size, file.type, file.lastModified] })()",
      "new File(['x'])",
      "new Blob('text')",
      "form.getAll('a')",
      "[form.get('f').name, form.get('f') instanceof File]",
      "(form.set('a', '3'), [...form.keys()])",
      "(form.delete('a'), form.has('a'))",
      "form.append('x', 'y', 'z')",
    ],
  ));

test('streams of the web', () =>
  same('const read = async (stream) => { const all = []; for await (const one of stream) all.push(one); return all }', [
    'read(new ReadableStream({ start(c) { c.enqueue(1); c.enqueue(2); c.close() } }))',
    "read(new ReadableStream({ start(c) { c.enqueue('a'); c.close() } }).pipeThrough(new TransformStream({ transform(chunk, c) { c.enqueue(chunk + '!') } })))",
    '(async () => { const [one, two] = new ReadableStream({ start(c) { c.enqueue(1); c.close() } }).tee(); return [await read(one), await read(two)] })()',
    '(async () => { const out = []; await new ReadableStream({ start(c) { c.enqueue(5); c.close() } }).pipeTo(new WritableStream({ write(chunk) { out.push(chunk) } })); return out })()',
    "read(new ReadableStream({ start(c) { c.error(new RangeError('x')) } }))",
    "read(new ReadableStream({ start(c) { c.enqueue('€'); c.close() } }).pipeThrough(new TextEncoderStream()).pipeThrough(new TextDecoderStream()))",
  ]));

test('crypto of the web', () =>
  same("const bytes = new TextEncoder().encode('abc'); const hex = (bits) => Buffer.from(bits).toString('hex')", [
    "crypto.subtle.digest('SHA-1', bytes).then(hex)",
    "crypto.subtle.digest({ name: 'sha-384' }, bytes.buffer).then(hex)",
    "crypto.subtle.digest('MD5', bytes)",
    'crypto.randomUUID().length',
    'crypto.getRandomValues(new Uint32Array(2)).length',
    'crypto.getRandomValues(new Float32Array(1))',
    'crypto.getRandomValues(new Uint8Array(70000))',
    "(async () => { const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); const sign = await crypto.subtle.sign('HMAC', key, bytes); return [hex(sign), await crypto.subtle.verify('HMAC', key, sign, bytes), key.type, key.algorithm.hash.name] })()",
    "(async () => { const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']); return crypto.subtle.sign('HMAC', key, bytes) })()",
  ]));

test('what else the global scope has', () =>
  same('', [
    'typeof performance.now()',
    "atob('aGk=')",
    "btoa('\\u20ac')",
    "atob('a')",
    'new Promise((resolve) => { const { port1, port2 } = new MessageChannel(); port2.onmessage = ({ data }) => { port1.close(); resolve(data) }; port1.postMessage({ a: 1 }) })',
    'globalThis === global',
    'typeof globalThis.window',
  ]));
