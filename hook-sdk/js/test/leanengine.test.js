'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open, handler } = require('./harness');

const imHelpers = {
  onIMMessageReceived: '_messageReceived',
  onIMMessageSent: '_messageSent',
  onIMReceiversOffline: '_receiversOffline',
  onIMMessageUpdate: '_messageUpdate',
  onIMConversationStart: '_conversationStart',
  onIMConversationStarted: '_conversationStarted',
  onIMConversationAdd: '_conversationAdd',
  onIMConversationAdded: '_conversationAdded',
  onIMConversationRemove: '_conversationRemove',
  onIMConversationRemoved: '_conversationRemoved',
  onIMConversationUpdate: '_conversationUpdate',
  onIMClientOnline: '_clientOnline',
  onIMClientOffline: '_clientOffline',
  onIMClientSign: '_rtmClientSign',
};

test('all fourteen helpers register their hooks, with options too', async () => {
  const source = Object.keys(imHelpers)
    .map(
      (helper, index) =>
        `AV.Cloud.${helper}(${index % 2 ? '{ internal: true }, ' : ''}(request) => ({ hook: request.params.n }))`,
    )
    .join('\n');
  const module = open({ 'cloud.js': `const AV = require('leanengine')\n${source}` }).load();
  assert.deepEqual(
    module.definitions(),
    Object.values(imHelpers).map((name, index) => ({ name, internal: index % 2 === 1 })),
  );
  for (const [index, name] of Object.values(imHelpers).entries()) {
    assert.deepEqual(await module.call(name, { n: index }), { hook: index });
  }
});

test('hooks of the storage are listed under their raw names and never fire', async () => {
  const module = open({
    'cloud.js': `
      const AV = require('leanengine')
      const Review = AV.Object.extend('Review')
      for (const hook of ['beforeSave', 'afterSave', 'beforeUpdate', 'afterUpdate', 'beforeDelete', 'afterDelete']) {
        AV.Cloud[hook]('Review', async () => {})
      }
      AV.Cloud.beforeSave(AV.Object.extend('Note'), () => {})
      AV.Cloud.onVerified('sms', () => {})
      AV.Cloud.onVerified('email', () => {})
      AV.Cloud.onLogin(() => {})
      AV.Cloud.onAuthData(() => {})
      AV.Insight.on('end', () => {})
      AV.Cloud.define('hello', () => 'hi')`,
  }).load();
  assert.deepEqual(
    module.definitions().map(({ name }) => name),
    [
      '__before_save_for_Review',
      '__after_save_for_Review',
      '__before_update_for_Review',
      '__after_update_for_Review',
      '__before_delete_for_Review',
      '__after_delete_for_Review',
      '__before_save_for_Note',
      '__on_verified_sms',
      '__on_verified_email',
      '__on_login__User',
      '__on_authdata__User',
      '__on_complete_bigquery_job',
      'hello',
    ],
  );
  assert.match(module.texts('warn')[0], /^registered, never fired: __before_save_for_Review, /);
  assert.equal((await module.failure('__before_save_for_Review')).status, 404);
  assert.equal(await module.call('hello'), 'hi');
});

test('a name that is nearly that of a hook is told at the load', () => {
  const module = open({
    'cloud.js':
      "const { Cloud } = require('leanengine'); for (const name of ['_messageRecieved', '_clientonline', '_messageSent', '_private', '__own', 'hello']) Cloud.define(name, () => 1)",
  }).load();
  assert.deepEqual(module.texts('warn'), [
    '`_messageRecieved` is no hook, and is never called as one: did you mean `_messageReceived`?',
    '`_clientonline` is no hook, and is never called as one: did you mean `_clientOnline`?',
  ]);
});

test('a name that is registered twice fails the load', () => {
  const module = open({
    'cloud.js': "const { Cloud } = require('leanengine'); Cloud.define('a', () => 1); Cloud.define('a', () => 2)",
  });
  assert.throws(() => module.load(), { message: 'LeanEngine: a already defined' });
});

test('what a function returns becomes its reply', async () => {
  const cases = {
    return: '',
    'return undefined': '',
    'return null': 'null',
    "return 'text'": '"text"',
    'return 1.5': '1.5',
    'return false': 'false',
    'return [1, undefined]': '[1,null]',
    'return { a: undefined, b: NaN }': '{"b":null}',
    'return new Date(0)': '"1970-01-01T00:00:00.000Z"',
    "return '\\ud800'": '"\\ud800"',
    'return () => 1': '',
    'return request.params.ts': '1700000000000',
    'return Object.keys(request.params)': '["ts","_lctype"]',
  };
  for (const [body, expected] of Object.entries(cases)) {
    assert.equal(await handler(body).callText('f', { ts: 1700000000000, _lctype: -1 }), expected, body);
  }
});

test('what a function throws becomes its failure, by the table of the contract', async () => {
  const cases = [
    ["throw new AV.Cloud.Error('no')", 400, 1, 'no', false],
    ["throw new AV.Cloud.Error('no', { code: 123, status: 422 })", 422, 123, 'no', false],
    ["throw new AV.Cloud.Error('no', { status: 500 })", 500, 1, 'no', true],
    ["throw new Error('oops')", 500, 1, 'oops', true],
    ["throw Object.assign(new Error('oops'), { status: 404, code: 9 })", 404, 9, 'oops', true],
    ["throw Object.assign(new Error('oops'), { statusCode: 503, code: 'ECONNREFUSED' })", 503, 1, 'oops', true],
    ["throw 'text'", 400, 1, 'text', false],
    ["throw { code: 42, message: 'an object' }", 400, 42, 'an object', false],
    ["throw { responseText: 'of a request' }", 400, 1, 'of a request', false],
    ['throw undefined', 400, 1, 'unknown error', false],
    ['throw null', 400, 1, 'unknown error', false],
    ["throw { get message() { throw new Error('a trap') } }", 400, 1, 'unknown error', false],
    ['const a = {}; a.a = a; return a', 500, 1, /circular/, true],
    ['return 1n', 500, 1, /BigInt/, true],
  ];
  for (const [body, status, code, message, isLogged] of cases) {
    const module = handler(body);
    const failure = await module.failure('f');
    assert.equal(failure.status, status, body);
    assert.equal(failure.code, code, body);
    if (message instanceof RegExp) assert.match(failure.message, message);
    else assert.equal(failure.message, message, body);
    assert.equal(module.texts('error').length > 0, isLogged, body);
    if (isLogged)
      assert.ok(module.texts('error')[0].startsWith(`LeanEngine: /f: ${status}: `), module.texts('error')[0]);
  }
  const module = handler("throw new Error('oops')");
  await module.failure('f');
  assert.match(module.texts('error')[0], /^LeanEngine: \/f: 500: Error: oops\n {4}at .*\/app\/cloud\.js:3:7/);
});

test('a function that is not there, and params that are no JSON', async () => {
  const module = handler('return 1');
  assert.deepEqual(await module.failure('g'), { code: 1, status: 404, message: "No such cloud function 'g'" });
  assert.equal((await module.failure('f', '{"a":')).status, 400);
  assert.deepEqual((await module.failure('toString')).status, 404);
});

test('legacy handlers end by response.success and response.error, the first call wins', async () => {
  const module = open({
    'cloud.js': `
      const AV = require('leanengine')
      AV.Cloud.define('good', function (request, response) { response.success({ n: request.params.n }); response.error('late') })
      AV.Cloud.define('text', (request, response) => { setTimeout(() => response.error('refused'), 1); return 1 })
      AV.Cloud.define('error', (request, response) => response.error(new AV.Cloud.Error('mine', { code: 7, status: 403 })))
      AV.Cloud.define('throws', (request, response) => { throw new AV.Cloud.Error('at once') })
      AV.Cloud.define('nothing', (request, response) => response.success())
      AV.Cloud.define('modern', (request, response = 'default') => response)`,
  }).load();
  assert.deepEqual(await module.call('good', { n: 3 }), { n: 3 });
  assert.deepEqual(await module.failure('text'), { code: 1, status: 400, message: 'refused' });
  assert.deepEqual(await module.failure('error'), { code: 7, status: 403, message: 'mine' });
  assert.deepEqual(await module.failure('throws'), { code: 1, status: 400, message: 'at once' });
  assert.equal(await module.callText('nothing'), '');
  assert.equal(await module.call('modern'), 'default');
});

test('the request object has its seven keys in their order', async () => {
  const module = handler(`return {
    keys: Object.keys(request), meta: request.meta, token: request.sessionToken, user: request.currentUser === request.user &&
      request.currentUser instanceof AV.User && request.currentUser.get('username'), id: request.currentUser && request.currentUser.id,
    headers: request.expressReq.headers, method: request.expressReq.method, url: request.expressReq.originalUrl, rest: request.expressReq.url,
    body: request.expressReq.body }`);
  const reply = await module.call(
    'f',
    { a: 1 },
    {
      remoteAddress: '1.2.3.4',
      sessionToken: 'raw',
      environment: 'staging',
      currentUser: JSON.stringify({ objectId: 'u1', username: 'ann', sessionToken: 'token of ann' }),
    },
  );
  assert.deepEqual(reply, {
    keys: ['expressReq', 'params', 'object', 'meta', 'user', 'currentUser', 'sessionToken'],
    meta: { remoteAddress: '1.2.3.4' },
    token: 'token of ann',
    user: 'ann',
    id: 'u1',
    headers: {
      'content-type': 'application/json',
      'x-lc-id': 'app',
      'x-lc-prod': '0',
      'x-real-ip': '1.2.3.4',
      'x-lc-session': 'raw',
    },
    method: 'POST',
    url: '/1.1/functions/f',
    rest: '/f',
    body: { a: 1 },
  });
  const without = await handler('return [request.currentUser === undefined, Object.keys(request.meta)]').call('f');
  assert.deepEqual(without, [true, ['remoteAddress']]);
});

test('fetchUser false resolves no user', async () => {
  const module = open({
    'cloud.js':
      "const AV = require('leanengine'); AV.Cloud.define('f', { fetchUser: false }, (r) => [String(r.currentUser), r.sessionToken])",
  }).load();
  assert.deepEqual(await module.call('f', {}, { sessionToken: 's', currentUser: '{"objectId":"u"}' }), [
    'undefined',
    's',
  ]);
});

test('AV.Cloud.run and rpc call functions of the module, internal ones too', async () => {
  const module = open({
    'cloud.js': `
      const AV = require('leanengine')
      AV.Cloud.define('inner', { internal: true }, (request) => ({ date: new Date(0), meta: request.meta, user: request.currentUser }))
      AV.Cloud.define('outer', async (request) => {
        const inner = await AV.Cloud.run('inner', { n: 1 }, { user: 'ann', req: request.expressReq })
        return [inner.date instanceof Date, inner.meta.remoteAddress, inner.user, (await AV.Cloud.rpc('inner')).date instanceof Date]
      })
      AV.Cloud.define('missing', () => AV.Cloud.run('nobody'))
      AV.Cloud.define('names', () => [Object.keys(AV.Cloud.functions), typeof AV.Cloud.functions.inner])`,
  }).load();
  assert.deepEqual(await module.call('outer', {}, { remoteAddress: '9.9.9.9' }), [true, '9.9.9.9', 'ann', true]);
  assert.deepEqual(await module.failure('missing'), {
    code: 1,
    status: 404,
    message: "No such cloud function 'nobody'",
  });
  assert.deepEqual(await module.call('names'), [['inner', 'outer', 'missing', 'names'], 'function']);
});

test('AV.Cloud.Error is an Error with everything it is given', async () => {
  const reply = await handler(`
    const error = new AV.Cloud.Error('text', { code: 5, detail: 'more' })
    return [error instanceof Error, error.name, error.message, error.status, error.code, error.detail, new AV.Cloud.Error('x').code === undefined]`).call(
    'f',
  );
  assert.deepEqual(reply, [true, 'CloudError', 'text', 400, 5, 'more', true]);
});

test('a starter that sets up its framework and its keys loads', async () => {
  const module = open(
    {
      'server.js': `
      'use strict'
      const AV = require('leanengine')
      AV.init({ appId: process.env.LEANCLOUD_APP_ID, appKey: process.env.LEANCLOUD_APP_KEY, masterKey: process.env.LEANCLOUD_APP_MASTER_KEY })
      AV.Cloud.useMasterKey()
      AV.setProduction(true)
      const app = require('./app')
      const http = require('http')
      process.on('uncaughtException', (error) => { console.error('caught', error) })
      const PORT = parseInt(process.env.LEANCLOUD_APP_PORT || process.env.PORT || 3000)
      http.createServer(app).listen(PORT, (err) => {
        console.log('Node app is running on port:', PORT)
        process.on('unhandledRejection', (reason) => { console.error('unhandled', reason.message) })
      })`,
      'app.js': `
      const AV = require('leanengine')
      require('./cloud')
      const passed = []
      for (const one of [AV.express(), AV.Cloud.CookieSession({ secret: 's', maxAge: 1, fetchUser: true }), AV.Cloud.HttpsRedirect(), AV.Cloud.LeanCloudHeaders()]) {
        one({}, {}, () => passed.push(1))
      }
      AV.koa(); AV.koa2(); AV.Cloud.CookieSession({ framework: 'koa2', secret: 's' }); AV.Cloud.start(); AV.Cloud.stop()
      module.exports = (req, res) => {}
      module.exports.passed = passed`,
      'cloud.js':
        "const AV = require('leanengine'); AV.Cloud.define('hello', () => [process.env.LEANCLOUD_APP_ID, AV.applicationId, require('./app').passed.length, AV.Cloud.__prod])",
    },
    { entry: '/app/server.js', variables: { LEANCLOUD_APP_ID: 'id-of-app', LEANCLOUD_APP_PORT: '3001' } },
  ).load();
  assert.deepEqual(await module.call('hello'), ['id-of-app', 'id-of-app', 4, 1]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(module.texts('info'), ['Node app is running on port: 3001']);
  module.uncaught(new Error('lost'), 'unhandledRejection');
  assert.deepEqual(module.texts('error'), ['unhandled lost']);
});

test('the storage can be named, and asking it rejects with the reason', async () => {
  const reply = await handler(`
    const Post = AV.Object.extend('Post', { title() { return this.get('title') } })
    const post = new Post({ title: 'a' })
    post.set('n', 1); post.increment('n', 2)
    const asked = []
    for (const ask of [() => post.save(), () => new AV.Query('Post').equalTo('a', 1).descending('b').find(), () => AV.Object.saveAll([post]),
      () => AV.User.logIn('a', 'b'), () => new AV.File('x', 'y').save(), () => AV.Cloud.requestSmsCode({ mobilePhoneNumber: '1' }),
      () => AV.Cloud.enqueue('f'), () => AV.Cloud.getTaskInfo('1'), () => AV.Query.doCloudQuery('select * from A'), () => new AV.Query(Post).get('1')]) {
      asked.push(await ask().then(() => 'answered', (error) => error instanceof Error && error.message.length > 20))
    }
    const acl = new AV.ACL(); acl.setPublicReadAccess(true); acl.setRoleWriteAccess('admin', true)
    const parsed = AV.parseJSON({ at: { __type: 'Date', iso: '2020-01-01T00:00:00.000Z' }, by: { __type: 'Pointer', className: '_User', objectId: 'u' } })
    return { title: post.title(), json: post.toJSON(), asked, acl, at: parsed.at instanceof Date, by: parsed.by.id,
      without: AV.Object.createWithoutData('Post', 'p1').toPointer(), same: require('leancloud-storage') === AV,
      class: Post.name, is: AV.Object.createWithoutData('Post', 'p1') instanceof Post }`).call('f');
  assert.deepEqual(reply, {
    title: 'a',
    json: { title: 'a', n: 3 },
    asked: Array(10).fill(true),
    acl: { '*': { read: true }, 'role:admin': { write: true } },
    at: true,
    by: 'u',
    without: { __type: 'Pointer', className: 'Post', objectId: 'p1' },
    same: true,
    class: 'Post',
    is: true,
  });
});

test('a module that replaces what the language has breaks nobody but itself', async () => {
  const module = open({
    'cloud.js': `const AV = require('leanengine')
      AV.Cloud.define('f', async (request) => ({ got: request.params.a }))
      AV.Cloud.define('g', () => { throw new Error('still told') })
      globalThis.JSON = {}; globalThis.Promise = class Own {}; globalThis.console = undefined; globalThis.setTimeout = undefined
      Array.prototype.extra = () => {}; Object.prototype.own = 1`,
  }).load();
  assert.equal(await module.callText('f', { a: 5 }), '{"got":5}');
  assert.deepEqual(await module.failure('g'), { code: 1, status: 500, message: 'still told' });
});
