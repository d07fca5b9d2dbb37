'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open } = require('./harness');

const app = (body, extra = {}, options) =>
  open({ 'cloud.js': `const AV = require('leanengine')\n${body}`, ...extra }, options).load();
const f = (body, setUp = "const Redis = require('ioredis'); const redis = new Redis(process.env.REDIS_URL_cache)") =>
  app(`${setUp}\nAV.Cloud.define('f', async (request) => { ${body} })`);

test('ioredis: set and get, with the options of the recipes', async () => {
  const module = f(`return [
    await redis.set('a', 1), await redis.get('a'), await redis.set('a', 2, 'EX', 60), await redis.set('a', 3, 'EX', 60, 'NX'),
    await redis.setex('b', 5, 'x'), await redis.get('none'), await redis.del('a', 'b'), await redis.incr('n')]`);
  assert.deepEqual(await module.call('f'), ['OK', '1', 'OK', null, 'OK', null, 2, 1]);
  assert.deepEqual(module.commands[2], [['set', 'a', '2', 'EX', '60']]);
});

test("ioredis: mget takes a list or words, keeps the order, and an empty one is the server's error", async () => {
  const module =
    f(`await redis.mset('a', 1, 'c', '三'); await redis.mset({ d: 4 }); await redis.mset(new Map([['e', 5]]))
    return [await redis.mget(['a', 'b', 'c']), await redis.mget('d', 'e'), await redis.mget([]).catch((error) => [error.name, error.message])]`);
  assert.deepEqual(await module.call('f'), [
    ['1', null, '三'],
    ['4', '5'],
    ['ReplyError', "ERR wrong number of arguments for 'mget' command"],
  ]);
});

test('ioredis: lists, hashes and sorted sets come in their shapes', async () => {
  const module = f(`return [
    await redis.lpush('l', 'a', 'b'), await redis.rpush('l', ['c']), await redis.llen('l'), await redis.lrange('l', 0, -1),
    await redis.hset('h', 'a', 1), await redis.hset('h', { b: 2 }), await redis.hmset('h', { c: 3 }), await redis.hget('h', 'a'), await redis.hgetall('h'),
    await redis.hgetall('none'), await redis.hdel('h', 'a'),
    await redis.zadd('z', 1, 'one', 2, 'two'), await redis.zscore('z', 'two'), await redis.zrevrank('z', 'one'),
    await redis.zrevrange('z', 0, -1, 'WITHSCORES')]`);
  assert.deepEqual(await module.call('f'), [
    2,
    3,
    3,
    ['b', 'a', 'c'],
    1,
    1,
    'OK',
    '1',
    { a: '1', b: '2', c: '3' },
    {},
    1,
    2,
    '2',
    1,
    ['two', '2', 'one', '1'],
  ]);
});

test('ioredis: what is started in one go is one pipeline', async () => {
  const module = f(`const all = Promise.all([redis.set('a', 1), redis.set('b', 2), redis.get('a')]); return all`);
  assert.deepEqual(await module.call('f'), ['OK', 'OK', '1']);
  assert.deepEqual(module.commands, [
    [
      ['set', 'a', '1'],
      ['set', 'b', '2'],
      ['get', 'a'],
    ],
  ]);
});

test('ioredis: multi and pipeline answer pairs, and one error does not spoil the others', async () => {
  const module = f(`await redis.set('text', 'x')
    const all = await redis.multi().set('a', 1).lpush('text', 'y').get('a').hgetall('h').exec()
    const list = await redis.pipeline([['set', 'p', 'q'], ['get', 'p']]).exec()
    return [all.map(([error, value]) => [error && error.message.split(' ')[0], value]), list]`);
  assert.deepEqual(await module.call('f'), [
    [
      [null, 'OK'],
      ['WRONGTYPE', null],
      [null, '1'],
      [null, {}],
    ],
    [
      [null, 'OK'],
      [null, 'q'],
    ],
  ]);
  assert.equal(module.commands[1].length, 4);
});

test('ioredis: what LeanCache has not is refused by name, and the rest of the pipeline is carried out', async () => {
  const module =
    f(`const results = await Promise.allSettled([redis.set('a', 1), redis.publish('c', 'm'), redis.subscribe('c'), redis.get('a')])
    redis.defineCommand('mine', { numberOfKeys: 1, lua: 'return 1' })
    const script = await redis.mine('k').catch((error) => error.message)
    let scan; try { redis.scanStream() } catch (error) { scan = error.message }
    return [results.map((one) => one.value || one.reason.message), script, scan.split(':')[0], await redis.ping()]`);
  assert.deepEqual(await module.call('f'), [
    [
      'OK',
      'ERR `PUBLISH` is not offered by LeanCache: not here',
      'ERR `SUBSCRIBE` is not offered by LeanCache: not here',
      '1',
    ],
    "defineCommand('mine'): scripts could reach beyond the app; use a pipeline",
    'ERR `SCAN` is not offered by LeanCache',
    'PONG',
  ]);
});

test('ioredis: callbacks, bytes, a prefix of keys, events, and the end', async () => {
  const module = f(`
    const value = await new Promise((resolve, reject) => redis.get('none', (error, value) => error ? reject(error) : resolve(value)))
    const own = new Redis({ keyPrefix: 'p:', lazyConnect: true }); await own.connect(); await own.mset('a', 1, 'b', 2); await own.lpush('l', 'v')
    const events = []
    const other = redis.duplicate(); for (const name of ['connect', 'ready', 'close', 'end', 'error']) other.on(name, () => events.push(name))
    await new Promise((resolve) => setTimeout(resolve, 1)); const bye = await other.quit()
    await new Promise((resolve) => setTimeout(resolve, 1))
    return [value, await redis.mget('p:a', 'p:b', 'a'), await redis.lrange('p:l', 0, 0), events, bye, (await redis.getBuffer('p:a')).toString('hex'),
      await other.get('a').catch((error) => error.message), await redis.call('get', 'p:b')]`);
  assert.deepEqual(await module.call('f'), [
    null,
    ['1', '2', null],
    ['v'],
    ['connect', 'ready', 'close', 'end'],
    'OK',
    '31',
    'Connection is closed.',
    '2',
  ]);
});

test('ioredis: a command while the module is loaded is refused with what to do, and Redis out of reach is an error', async () => {
  const module = app(
    "const Redis = require('ioredis'); const redis = new Redis(); redis.on('error', () => {}); const first = redis.set('a', 1).catch((error) => error.message); AV.Cloud.define('f', async () => [await first, await redis.get('a').catch((error) => error.message)])",
    {},
    {
      leancache: () => ({ unavailable: 'Redis did not answer' }),
    },
  );
  assert.deepEqual(await module.call('f'), [
    'no Redis command can be sent while the module is loaded: send it in a function or hook',
    'Connection is closed: Redis did not answer',
  ]);
});

test('the online-status recipe, in its three variants', async () => {
  const redisModule = `
    const Redis = require('ioredis')
    function createClient() { const client = new Redis(process.env['REDIS_URL_presence']); client.on('error', (error) => { console.error('presence', error) }); return client }
    module.exports = { redisClient: createClient(), createClient }`;
  const variants = {
    'with an expiry': ['redis.set(request.params.peerId, 1)', "redis.set(request.params.peerId, 0, 'EX', 604800)", ''],
    'with a prefix': [
      "redis.set('onOffStatus:' + request.params.peerId, 1)",
      "redis.set('onOffStatus:' + request.params.peerId, 0)",
      'onOffStatus:',
    ],
    'for ever': ['redis.set(request.params.peerId, 1)', 'redis.set(request.params.peerId, 0)', ''],
  };
  for (const [name, [online, offline, prefix]] of Object.entries(variants)) {
    const module = app(
      `
      const redis = require('./redis').redisClient
      AV.Cloud.onIMClientOnline(async (request) => { ${online} })
      AV.Cloud.onIMClientOffline(async (request) => { ${offline} })
      AV.Cloud.define('getOnOffStatus', async (request) => redis.mget(request.params.peerIds.map((id) => '${prefix}' + id)))`,
      { 'redis.js': redisModule },
    );
    assert.equal(await module.callText('_clientOnline', { peerId: 'ann' }), '', name);
    assert.equal(await module.callText('_clientOffline', { peerId: 'bob' }), '', name);
    assert.deepEqual(await module.call('getOnOffStatus', { peerIds: ['ann', 'bob', 'zed'] }), ['1', '0', null], name);
  }
});

test('redis 3: callbacks last, promises by promisify, chains with exec', async () => {
  const module = f(
    `
    const get = require('util').promisify(client.get).bind(client)
    const call = (name, ...values) => new Promise((resolve, reject) => client[name](...values, (error, value) => error ? reject(error) : resolve(value)))
    const returned = client.set('k', 'v', 'EX', 5)
    return [await call('set', 'a', 1), await get('a'), await call('mset', ['b', 2, 'c', 3]), await call('mget', ['a', 'b']), await call('hmset', 'h', { x: 1 }),
      await call('hgetall', 'h'), await call('hgetall', 'none'), await call('HGET', 'h', 'x'), await call('publish', 'c', 'm').catch((error) => error.message),
      await new Promise((resolve) => client.multi().set('m', 1).get('m', (error, value) => 0).exec((error, replies) => resolve([error, replies]))),
      await new Promise((resolve) => client.batch([['set', 'n', '2'], ['get', 'n']]).exec((error, replies) => resolve(replies))),
      await call('get', 'k'), client.connected, await call('ping')]`,
    "const redis = require('redis'); const client = redis.createClient(process.env.REDIS_URL_cache); client.on('error', console.error)",
  );
  assert.deepEqual(await module.call('f'), [
    'OK',
    '1',
    'OK',
    ['1', '2'],
    'OK',
    { x: '1' },
    null,
    '1',
    'ERR `PUBLISH` is not offered by LeanCache: not here',
    [null, ['OK', '1']],
    ['OK', '2'],
    'v',
    true,
    'PONG',
  ]);
});

test('redis 3: an error that nobody asked for is an event', async () => {
  const module = f(
    "client.set('a', 'x'); client.lpush('a', 'y'); await new Promise((resolve) => setTimeout(resolve, 1)); return seen",
    "const client = require('redis').createClient(6379, 'localhost'); const seen = []; client.on('error', (error) => seen.push(error.message.split(' ')[0]))",
  );
  assert.deepEqual(await module.call('f'), ['WRONGTYPE']);
});

test('redis 4: promises, camel case, objects for options', async () => {
  const setUp =
    "const { createClient } = require('redis'); const client = createClient({ url: process.env.REDIS_URL_cache }); client.on('error', () => {}); client.connect().catch(console.error)";
  const module = app(
    `${setUp}\nAV.Cloud.define('f', async () => [
    client.isOpen, await client.set('a', 1, { EX: 60, NX: true }), await client.set('a', 2, { NX: true }), await client.get('a'), await client.setEx('b', 5, 'x'),
    await client.mSet({ c: 'd' }), await client.mGet(['a', 'c', 'none']), await client.hSet('h', { x: 1, y: '2' }), await client.hSet('h', 'z', '3'), await client.hGetAll('h'),
    await client.hGetAll('none'), await client.lPush('l', ['a', 'b']), await client.lRange('l', 0, -1), await client.zAdd('z', [{ score: 1, value: 'one' }, { score: 2, value: 'two' }]),
    await client.zRangeWithScores('z', 0, -1), await client.zScore('z', 'two'), await client.expire('a', 10), await client.exists('a'), await client.del(['a', 'b']),
    await client.multi().set('m', '1').get('m').hGetAll('h').exec(), await client.sendCommand(['PING']), await client.quit(), await client.get('a').catch((error) => error.message)])`,
    {
      'package.json': '{"dependencies":{"redis":"^4.6.0"}}',
    },
  );
  assert.deepEqual(await module.call('f'), [
    true,
    'OK',
    null,
    '1',
    'OK',
    'OK',
    ['1', 'd', null],
    2,
    1,
    { x: '1', y: '2', z: '3' },
    {},
    2,
    ['b', 'a'],
    2,
    [
      { value: 'one', score: 1 },
      { value: 'two', score: 2 },
    ],
    2,
    true,
    1,
    2,
    ['OK', '1', { x: '1', y: '2', z: '3' }],
    'PONG',
    'OK',
    'The client is closed',
  ]);
  assert.deepEqual(module.commands[0], [['set', 'a', '1', 'EX', '60', 'NX']]);
});
