'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { open } = require('./harness');

const AV = "const AV = require('leanengine')\n";

test('a folder of functions is read by readdirSync and computed requires', async () => {
  const module = open({
    'cloud.js': `const fs = require('fs'), path = require('path')
      fs.readdirSync(path.join(__dirname, 'functions')).forEach((file) => { require(path.join(__dirname, 'functions', file)) })`,
    'functions/a.js': `${AV}AV.Cloud.define('a', () => __filename)`,
    'functions/b.js': `${AV}const helper = require('../helper'); AV.Cloud.define('b', () => helper.name)`,
    'helper.js': "exports.name = 'helper of ' + require('path').basename(__dirname)",
  }).load();
  assert.deepEqual(
    module.definitions().map(({ name }) => name),
    ['a', 'b'],
  );
  assert.equal(await module.call('a'), '/app/functions/a.js');
  assert.equal(await module.call('b'), 'helper of app');
});

test('what the builder resolved goes before the rules of Node', async () => {
  const module = open(
    { 'cloud.js': `${AV}AV.Cloud.define('f', () => require('alias'))`, 'lib/real.js': 'module.exports = 7' },
    {
      requires: { '/app/cloud.js': { alias: '/app/lib/real.js' } },
    },
  ).load();
  assert.equal(await module.call('f'), 7);
});

test('packages resolve by main, exports, index and nested node_modules', async () => {
  const module = open({
    'cloud.js': `${AV}AV.Cloud.define('f', () => [require('by-main'), require('by-index'), require('by-exports'), require('by-exports/sub'),
      require('by-exports/features/x.js'), require('@scope/one'), require('by-main/data.json').n, require('outer'), require('./folder'), require('./folder/'), require('.').self])
      exports.self = 'cloud'`,
    'package.json': '{"main":"cloud.js"}',
    'folder/index.json': '"of the folder"',
    'node_modules/by-main/package.json': '{"main":"lib/start"}',
    'node_modules/by-main/lib/start.js': "module.exports = 'main'",
    'node_modules/by-main/data.json': '\ufeff{"n":1}',
    'node_modules/by-index/index.js': "module.exports = 'index'",
    'node_modules/by-exports/package.json':
      '{"exports":{".":{"import":"./no.mjs","require":"./yes.cjs"},"./sub":"./inner/sub.js","./features/*.js":{"node":"./f/*.js"}}}',
    'node_modules/by-exports/yes.cjs': "module.exports = 'exports'",
    'node_modules/by-exports/inner/sub.js': "module.exports = 'sub'",
    'node_modules/by-exports/f/x.js': "module.exports = 'x'",
    'node_modules/@scope/one/index.js': "module.exports = 'scoped'",
    'node_modules/outer/index.js': "module.exports = require('inner')",
    'node_modules/outer/node_modules/inner/index.js': "module.exports = 'nested'",
    'node_modules/inner/index.js': "module.exports = 'the other'",
  }).load();
  assert.deepEqual(await module.call('f'), [
    'main',
    'index',
    'exports',
    'sub',
    'x',
    'scoped',
    1,
    'nested',
    'of the folder',
    'of the folder',
    'cloud',
  ]);
});

test("what is not there is an error where it is required, with Node's code", async () => {
  const module = open({
    'cloud.js': `${AV}let first; try { require('optional') } catch (error) { first = error.code }
    AV.Cloud.define('f', () => [first]); AV.Cloud.define('g', () => require('./no' + 'where'))`,
  }).load();
  assert.deepEqual(await module.call('f'), ['MODULE_NOT_FOUND']);
  assert.match(
    (await module.failure('g')).message,
    /^Cannot find module '\.\/nowhere'\nRequire stack:\n- \/app\/cloud\.js$/,
  );
  const missing = open({ 'cloud.js': "require('nobody')" });
  assert.throws(
    () => missing.load(),
    (error) => {
      assert.match(error.message, /^Cannot find module 'nobody'/);
      return true;
    },
  );
});

test('modules that require each other get what is there of the other', async () => {
  const module = open({
    'cloud.js': `${AV}const a = require('./a'); AV.Cloud.define('f', () => [a.seen, require('./b').seen, require('./a') === a])`,
    'a.js': "exports.early = 1; const b = require('./b'); exports.seen = b.done",
    'b.js': "const a = require('./a'); exports.seen = [a.early, a.seen === undefined]; exports.done = true",
  }).load();
  assert.deepEqual(await module.call('f'), [true, [1, true], true]);
});

test('a module is sloppy unless it says otherwise, and its variables are its own', async () => {
  const module = open({
    'cloud.js': `${AV}var own = 1; undeclared = 2; require('./strict'); AV.Cloud.define('f', () => [typeof globalThis.own, undeclared, global.undeclared, this === module.exports, arguments.length, (function () { return this === globalThis })()])`,
    'strict.js': "'use strict'; try { neverDeclared = 1 } catch (error) { module.exports = error.name }",
  }).load();
  assert.deepEqual(await module.call('f'), ['undefined', 2, 2, true, 5, true]);
});

test('packages named as a text of ours or a part of an SDK are told apart', async () => {
  const module = open({
    'cloud.js': `${AV}AV.Cloud.define('f', () => [require('web'), require('native'), require('leancloud-storage/core') === AV])`,
    'node_modules/web/index.js': "module.exports = 'a package'",
    'node_modules/native/index.js': "module.exports = 'another'",
  }).load();
  assert.deepEqual(await module.call('f'), ['a package', 'another', true]);
});

test('the pieces of Module that packages use', async () => {
  const module = open({
    'cloud.js': `${AV}const { createRequire, builtinModules, isBuiltin } = require('module')
      const main = require.main === module, own = createRequire(__filename)
      const value = require('./counted'); delete require.cache[require.resolve('./counted')]; const again = require('./counted')
      AV.Cloud.define('f', () => [main, module.id, module.filename, module.loaded, own('./counted') === again, value !== again, builtinModules.includes('fs'), isBuiltin('node:path'),
        require('node:fs') === require('fs'), require.resolve('./counted'), require.resolve('fs'), module.paths[0], require('./counted').parent])`,
    'counted.js': '#!/usr/bin/env node\nmodule.exports = { parent: module.parent.filename }',
  }).load();
  assert.deepEqual(await module.call('f'), [
    true,
    '.',
    '/app/cloud.js',
    true,
    true,
    true,
    true,
    true,
    true,
    '/app/counted.js',
    'fs',
    '/app/node_modules',
    '/app/cloud.js',
  ]);
});

test('syntax errors and exceptions at the top level name their file and line', () => {
  const broken = open({
    'cloud.js': "require('./lib/wrong')",
    'lib/wrong.js': 'const a = 1\n\nthrow new TypeError("at the top")',
  });
  let thrown;
  try {
    broken.load();
  } catch (error) {
    thrown = error;
  }
  const { message, stack, file, line } = broken.entry.describeError(thrown);
  assert.deepEqual([message, file, line], ['TypeError: at the top', '/app/lib/wrong.js', 3]);
  assert.match(stack, /^TypeError: at the top\n {4}at \/app\/lib\/wrong\.js:3:7\n {4}at \/app\/cloud\.js:1:1/);
});

test('places are those of the source where the builder made another text of it', async () => {
  // Line 1 of the text is line 3, column 5 of the source.
  const map = JSON.stringify({ version: 3, sources: ['/app/src/hook.ts'], names: [], mappings: 'AAEI' });
  const module = open(
    { 'hook.js': `${AV.trim()}; AV.Cloud.define('f', () => { throw new Error('typed') })` },
    { entry: '/app/hook.js', maps: { '/app/hook.js': map } },
  ).load();
  await module.failure('f');
  assert.match(module.texts('error')[0], /Error: typed\n {4}at .*\/app\/src\/hook\.ts:3:5/);
});

test('modules that the sandbox cannot have fail where they are used, and say what to do', async () => {
  const unsupported = require('../src/unsupported.json');
  const uses = {
    child_process: "require('child_process').execSync('ls')",
    net: "require('net').connect(80, 'a.example')",
    tls: "require('tls').connect(443)",
    cluster: "require('cluster').fork()",
    worker_threads: "new (require('worker_threads').Worker)('x')",
    dgram: "require('dgram').createSocket('udp4')",
    dns: "require('dns').lookup('a.example', () => {})",
    'dns/promises': "require('node:dns/promises').resolve('a')",
    http2: "require('http2').connect('https://a.example')",
    readline: "require('readline').createInterface({})",
    vm: "require('vm').runInNewContext('1')",
    v8: "require('v8').serialize({})",
    inspector: "require('inspector').open()",
    repl: "require('repl').start()",
    wasi: "new (require('wasi').WASI)()",
  };
  const source = Object.entries(uses)
    .map(([name, use]) => `AV.Cloud.define('${name}', () => { ${use} })`)
    .join('\n');
  const module = open({
    'cloud.js': `${AV}${Object.keys(uses)
      .map((name) => `require('${name}')`)
      .join(';')}\n${source}`,
  }).load();
  for (const name of Object.keys(uses)) {
    assert.deepEqual(
      await module.failure(name),
      { code: 1, status: 500, message: `${name}: ${unsupported[name]}` },
      name,
    );
  }
});

test("a package's own names for modules may mean modules of Node", async () => {
  const module = open({
    'cloud.js': `${AV}AV.Cloud.define('f', () => require('limit'))`,
    'node_modules/limit/package.json':
      '{"main": "index.js", "imports": {"#hooks": {"node": "async_hooks", "default": "./other.js"}}}',
    'node_modules/limit/index.js': "module.exports = typeof require('#hooks').AsyncLocalStorage",
  }).load();
  assert.equal(await module.call('f'), 'function');
});

test('loggers look at cluster and listen there', async () => {
  const module = open({
    'cloud.js': `${AV}const cluster = require('cluster')
      cluster.removeListener('message', () => {})
      cluster.on('message', () => {})
      AV.Cloud.define('f', () => [cluster.isMaster, cluster.isWorker])`,
  }).load();
  assert.deepEqual(await module.call('f'), [true, false]);
});

test('what a module names is evaluated at the load, and nothing else', async () => {
  const evaluated = (source) => {
    const module = open({ 'cloud.js': `${AV}${source}` });
    const before = module.evaluated.length;
    module.load();
    return module.evaluated.slice(before).filter((name) => name.startsWith('node:'));
  };
  const plain = evaluated("AV.Cloud.define('f', (request) => request.URL + AV.File)");
  assert.deepEqual(plain, ['node:leanengine']);
  const named = evaluated("AV.Cloud.define('f', () => [new URL('http://a.example'), require('zlib').gzipSync('a')])");
  assert.ok(named.includes('node:web:url') && named.includes('node:zlib'), String(named));
  const remote = evaluated("AV.Cloud.define('f', () => AV.Cloud.run('g', {}, { remote: true }))");
  assert.ok(remote.includes('node:web:fetch') && remote.includes('node:web:request'), String(remote));
});
