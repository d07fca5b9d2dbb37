'use strict';
const assert = require('node:assert/strict');
const zlib = require('node:zlib');
const { test } = require('node:test');
const { open, handler } = require('./harness');

/** Answers what was asked, as JSON. */
const echo = ({ method, url, headers, body }) => ({
  headers: { 'content-type': 'application/json', 'X-Twice': 'a' },
  body: [
    JSON.stringify({
      method,
      url,
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value])),
      body: body?.toString(),
    }),
  ],
});

test('https.request with options and a callback, as the moderation recipe has it', async () => {
  // A snippet of the online editor: the body of a handler, with a variable that is declared nowhere.
  const snippet = `
    var text = JSON.stringify({ content: request.params.content, user: request.params.fromPeer })
    return new Promise(function (resolve, reject) {
      const ask = require('https').request({
        hostname: 'moderation.example.com', port: 443, path: '/check?v=1', method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), 'X-Secret': 's3' }
      }, function (answer) {
        if (answer.statusCode !== 200) return reject(new Error('moderation answered ' + answer.statusCode))
        answer.setEncoding('utf8')
        let whole = ''
        answer.on('data', function (piece) { whole += piece })
        answer.on('end', function () {
          json = JSON.parse(whole)
          if (json.result === 0) resolve(null)
          else if (json.filtered_text) resolve({ content: json.filtered_text })
          else resolve({ drop: true })
        })
      })
      ask.on('error', reject)
      ask.write(text)
      ask.end()
    })`;
  const outcome = async (answer) => {
    const module = open(
      {
        'cloud.js': `const AV = require('leanengine'); AV.Cloud.define('_messageReceived', async function (request) {${snippet}})`,
      },
      { answer },
    ).load();
    const reply = await module
      .callText('_messageReceived', { content: '{"_lctext":"héllo"}', fromPeer: 'ann' })
      .catch(({ code, status, message }) => ({ code, status, message }));
    return [reply, module.requests[0]];
  };
  const [unchanged, sent] = await outcome(() => ({ body: ['{"res', 'ult":0}'] }));
  assert.equal(unchanged, 'null');
  assert.equal(sent.method, 'POST');
  assert.equal(sent.url, 'https://moderation.example.com/check?v=1');
  assert.equal(sent.body.toString(), '{"content":"{\\"_lctext\\":\\"héllo\\"}","user":"ann"}');
  assert.deepEqual(sent.headers, [
    ['Content-Type', 'application/json'],
    ['X-Secret', 's3'],
    ['content-length', String(sent.body.length)],
  ]);
  assert.equal((await outcome(() => ({ body: '{"result":1,"filtered_text":"***"}' })))[0], '{"content":"***"}');
  assert.equal((await outcome(() => ({ body: '{"result":2}' })))[0], '{"drop":true}');
  assert.deepEqual((await outcome(() => ({ status: 503 })))[0], {
    code: 1,
    status: 500,
    message: 'moderation answered 503',
  });
  const [failure] = await outcome(() => ({ error: 'not now', code: 'connection-refused' }));
  assert.deepEqual(failure, { code: 1, status: 500, message: 'connect ECONNREFUSED moderation.example.com:443' });
});

test('http.get in all its forms', async () => {
  const module = handler(
    `
    const http = require('http')
    const read = (start) => new Promise((resolve, reject) => {
      start((answer) => { const all = []; answer.on('data', (one) => all.push(one)); answer.on('end', () => resolve([answer.headers, answer.statusCode, answer.statusMessage, JSON.parse(Buffer.concat(all)), answer.complete])) }).on('error', reject)
    })
    const [headers, status, text, first, complete] = await read((done) => http.get('http://a.example:8080/p?q=1', done))
    const [, , , second] = await read((done) => http.get(new URL('http://a.example/x'), { headers: { A: 'b' } }, done))
    const [, , , third] = await read((done) => http.get({ host: 'a.example', path: '/y', auth: 'u:p' }, done))
    return { headers, status, text, complete, urls: [first.url, second.url, third.url], a: second.headers.a, auth: third.headers.authorization, codes: http.STATUS_CODES[404], methods: http.METHODS.includes('GET') }`,
    { answer: echo },
  );
  assert.deepEqual(await module.call('f'), {
    headers: { 'content-type': 'application/json', 'x-twice': 'a' },
    status: 200,
    text: 'OK',
    complete: true,
    urls: ['http://a.example:8080/p?q=1', 'http://a.example/x', 'http://a.example/y'],
    a: 'b',
    auth: 'Basic dTpw',
    codes: 'Not Found',
    methods: true,
  });
});

test('errors of requests have the codes of Node', async () => {
  const cases = {
    'DNS-error': 'ENOTFOUND',
    'connection-refused': 'ECONNREFUSED',
    'connection-timeout': 'ETIMEDOUT',
    'connection-terminated': 'ECONNRESET',
    'HTTP-request-denied': 'EACCES',
  };
  for (const [code, expected] of Object.entries(cases)) {
    const module = handler(
      `
      const byHttp = await new Promise((resolve) => require('http').get('http://a.example/', () => resolve('answered')).on('error', (error) => resolve(error.code)))
      const byFetch = await fetch('http://a.example/').catch((error) => [error.name, error.message, error.cause.code])
      return [byHttp, byFetch]`,
      { answer: () => ({ error: 'it failed', code }) },
    );
    assert.deepEqual(await module.call('f'), [expected, ['TypeError', 'fetch failed', expected]], code);
  }
});

test('a request that may not be sent says who can allow it', async () => {
  const cases = {
    'HTTP-request-denied': 'host `a.example:81` is not allowed; allow it with `hookd settings --allow-host a.example:81`',
    'destination-IP-prohibited':
      '`a.example:81` has an address that is not public; the operator opens a network with `hookd up --allow-private-egress`',
  };
  for (const [code, expected] of Object.entries(cases)) {
    const module = handler(
      `
      const byHttp = await new Promise((resolve) => require('http').get('http://a.example:81/').on('error', (error) => resolve(error)))
      const byFetch = await fetch('http://a.example:81/').catch((error) => error.cause)
      return [byHttp.message, byFetch.message, byHttp.code, byFetch.code]`,
      { answer: () => ({ error: 'it failed', code }) },
    );
    assert.deepEqual(await module.call('f'), [expected, expected, 'EACCES', 'EACCES']);
  }
});

test('a request can be aborted, and times out', async () => {
  const module = handler(
    `
    const http = require('http')
    const aborted = await new Promise((resolve) => { const one = http.get('http://a.example/'); one.on('error', (error) => resolve(error.code)); one.destroy() })
    const own = await new Promise((resolve) => { const one = http.get('http://a.example/', () => {}); one.on('error', (error) => resolve(error.message)); one.destroy(new Error('mine')) })
    const control = new AbortController()
    const late = fetch('http://a.example/', { signal: control.signal }).catch((error) => error.name)
    control.abort()
    return [aborted, own, await late, await fetch('http://a.example/', { signal: AbortSignal.abort('why') }).catch((error) => error)]`,
    { answer: echo },
  );
  assert.deepEqual(await module.call('f'), ['ECONNRESET', 'mine', 'AbortError', 'why']);
  assert.equal(module.cancelled.length, 3, 'the engine is told of each that was sent');
});

test('a request while the module is loaded is an error', async () => {
  const module = open({
    'cloud.js':
      "const AV = require('leanengine'); let text; require('http').get('http://a.example/').on('error', (error) => { text = error.message }); AV.Cloud.define('f', () => text)",
  });
  assert.equal(await (await module.loadAndRun()).call('f'), 'no request can be sent while the module is loaded');
});

test('http.createServer listens to nothing, and listen calls back', async () => {
  const module = open(
    {
      'server.js': `
    const server = require('http').createServer((request, response) => response.end())
    const state = { listening: [] }
    server.on('listening', () => state.listening.push('event'))
    server.listen(3000, '0.0.0.0', () => { state.listening.push('callback'); state.port = server.address().port })
    require('leanengine').Cloud.define('f', () => new Promise((resolve) => setTimeout(() => { server.close(() => resolve(state)) }, 1)))`,
    },
    { entry: '/app/server.js' },
  ).load();
  assert.deepEqual(await module.call('f'), { listening: ['event', 'callback'], port: 3000 });
});

test('fetch sends every kind of body, and reads every kind of answer', async () => {
  const module = handler(
    `
    const bodies = ['text', new URLSearchParams({ a: 'ä' }), new Blob(['b'], { type: 'text/x' }), new Uint8Array([99]), Buffer.from('d'), new Blob(['e']).stream()]
    const sent = []
    for (const body of bodies) {
      const answer = await (await fetch('http://a.example/', { method: 'POST', body, duplex: 'half' })).json()
      sent.push([answer.body, answer.headers['content-type']])
    }
    const form = new FormData(); form.append('name', 'ann'); form.append('file', new Blob(['content'], { type: 'text/plain' }), 'a.txt')
    const multipart = await (await fetch('http://a.example/', { method: 'POST', body: form })).json()
    const back = await new Response(multipart.body, { headers: { 'content-type': multipart.headers['content-type'] } }).formData()
    const plain = await fetch('http://a.example/')
    const copy = plain.clone()
    return { sent, form: [back.get('name'), await back.get('file').text(), back.get('file').name], ok: plain.ok, url: plain.url, type: plain.headers.get('content-type'),
      same: (await plain.text()) === (await copy.text()), used: plain.bodyUsed, again: await plain.text().catch((error) => error.name),
      buffer: (await (await fetch('http://a.example/')).arrayBuffer()).byteLength > 10, agent: (await (await fetch('http://a.example/')).json()).headers['user-agent'] }`,
    { answer: echo },
  );
  const reply = await module.call('f');
  assert.deepEqual(
    reply.sent,
    [
      ['text', 'text/plain;charset=UTF-8'],
      ['a=%C3%A4', 'application/x-www-form-urlencoded;charset=UTF-8'],
      ['b', 'text/x'],
      ['c', null],
      ['d', null],
      ['e', null],
    ].map(([body, type]) => [body, type]),
  );
  assert.deepEqual(reply.form, ['ann', 'content', 'a.txt']);
  assert.deepEqual(
    [reply.ok, reply.url, reply.type, reply.same, reply.used, reply.again, reply.buffer, reply.agent],
    [true, 'http://a.example/', 'application/json', true, true, 'TypeError', true, 'node'],
  );
});

test('fetch streams an answer, and unpacks one', async () => {
  const module = handler(
    `
    const pieces = []
    for await (const piece of (await fetch('http://a.example/pieces')).body) pieces.push(Buffer.from(piece).toString())
    return [pieces, await (await fetch('http://a.example/gzip')).text(), await (await fetch('http://a.example/deflate')).text()]`,
    {
      answer: ({ url }) =>
        url.endsWith('pieces')
          ? { body: ['one', 'two'] }
          : url.endsWith('gzip')
            ? { headers: { 'content-encoding': 'gzip' }, body: [zlib.gzipSync('packed')] }
            : { headers: { 'content-encoding': 'deflate' }, body: [zlib.deflateRawSync('bare')] },
    },
  );
  assert.deepEqual(await module.call('f'), [['one', 'two'], 'packed', 'bare']);
});

test('fetch follows redirects by the rules of the standard', async () => {
  const answer = (request) => {
    const [, status, target] = /\/(\d+)-to-(.*)$/.exec(request.url) ?? [];
    return status ? { status: Number(status), headers: { location: decodeURIComponent(target) } } : echo(request);
  };
  const module = handler(
    `
    const go = async (status, target, init) => { const answer = await fetch('http://a.example/' + status + '-to-' + encodeURIComponent(target), init); return [answer.redirected, await answer.json()] }
    const post = { method: 'POST', body: 'x', headers: { authorization: 'secret', 'content-type': 'text/y' } }
    const results = []
    for (const status of [301, 302, 303, 307, 308]) { const [redirected, { method, body, headers, url }] = await go(status, '/end', post); results.push([status, redirected, method, body, headers['content-type'], headers.authorization, url]) }
    const [, other] = await go(307, 'http://b.example/', post)
    const manual = await fetch('http://a.example/302-to-x', { redirect: 'manual' })
    return { results, other: [other.url, other.headers.authorization], manual: manual.status,
      error: await fetch('http://a.example/302-to-x', { redirect: 'error' }).catch((error) => error.cause.message),
      loop: await fetch('http://a.example/302-to-302-to-302-to-', {}).then((answer) => answer.status, (error) => error.message) }`,
    { answer },
  );
  const reply = await module.call('f');
  assert.deepEqual(reply.results, [
    [301, true, 'GET', null, null, 'secret', 'http://a.example/end'],
    [302, true, 'GET', null, null, 'secret', 'http://a.example/end'],
    [303, true, 'GET', null, null, 'secret', 'http://a.example/end'],
    [307, true, 'POST', 'x', 'text/y', 'secret', 'http://a.example/end'],
    [308, true, 'POST', 'x', 'text/y', 'secret', 'http://a.example/end'],
  ]);
  assert.deepEqual([reply.other, reply.manual, reply.error], [['http://b.example/', null], 302, 'unexpected redirect']);
});

test('sync-request waits for the answer', async () => {
  const module = open(
    {
      'cloud.js': `
    const AV = require('leanengine'), request = require('sync-request')
    AV.Cloud.define('f', () => {
      const answer = request('POST', 'http://a.example/x', { qs: { q: 1 }, json: { a: 1 }, headers: { Key: 'v' } })
      const got = JSON.parse(answer.getBody('utf8'))
      let failure; try { request('GET', 'http://a.example/404').getBody() } catch (error) { failure = error.statusCode }
      return [answer.statusCode, got.url, got.body, got.headers.key, got.headers['content-type'], failure, request('GET', 'http://a.example/302').statusCode]
    })`,
    },
    {
      answer: (request) =>
        request.url.endsWith('404')
          ? { status: 404, body: 'none' }
          : request.url.endsWith('302')
            ? { status: 302, headers: { location: '/' } }
            : echo(request),
    },
  ).load();
  assert.deepEqual(await module.call('f'), [
    200,
    'http://a.example/x?q=1',
    '{"a":1}',
    'v',
    'application/json',
    404,
    200,
  ]);
});

test("AV.Cloud.run with remote asks the app's address", async () => {
  const module = handler("return AV.Cloud.run('other', { a: 1 }, { remote: true, sessionToken: 's' })", {
    variables: { LEANCLOUD_API_SERVER: 'https://api.example.com', LEANCLOUD_APP_ID: 'id', LEANCLOUD_APP_KEY: 'key' },
    answer: (request) => ({ body: JSON.stringify({ result: JSON.parse(echo(request).body[0]) }) }),
  });
  const { url, headers, body } = await module.call('f');
  assert.deepEqual(
    [url, headers['x-lc-id'], headers['x-lc-key'], headers['x-lc-session'], body],
    ['https://api.example.com/1.1/functions/other', 'id', 'key', 's', '{"a":1}'],
  );
  const refused = handler("return AV.Cloud.run('other', {}, { remote: true })", {
    variables: { LEANCLOUD_API_SERVER: 'https://api.example.com' },
    answer: () => ({ status: 401, body: '{"code":401,"error":"Unauthorized."}' }),
  });
  assert.deepEqual(await refused.failure('f'), { code: 401, status: 401, message: 'Unauthorized.' });
  assert.match(
    (await handler("return AV.Cloud.run('other', {}, { remote: true })").failure('f')).message,
    /LEANCLOUD_API_SERVER names no address/,
  );
});
