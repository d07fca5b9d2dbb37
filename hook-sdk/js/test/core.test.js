'use strict';
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { format } = require('node:util');
const { open, handler } = require('./harness');

const logged = async (body, level) => {
  const module = handler(body);
  await module.callText('f');
  return level ? module.texts(level) : module.logs;
};

test('console writes one record per call, at its level, as Node formats it', async () => {
  assert.deepEqual(
    await logged("console.log('a'); console.info('b', 1); console.debug('c'); console.warn('d'); console.error('e')"),
    [
      { level: 'info', text: 'a' },
      { level: 'info', text: 'b 1' },
      { level: 'debug', text: 'c' },
      { level: 'warn', text: 'd' },
      { level: 'error', text: 'e' },
    ],
  );
  const values = [
    "'%s is %d years, %i, %f, %j %o %O %%', 'ann', 42, 4.7, '1.5', { a: 1 }, [1], { b: { c: {} } }, 'rest'",
    '{ a: 1, b: "two", c: [1, 2, 3], d: { e: { f: { g: 1 } } } }',
    '[undefined, null, true, -0, 1n, Symbol("s")]',
    '"a", "b", { c: 1 }',
    '',
    'new Map([["k", { a: 1 }]]), new Set([1, "2"])',
    'class A {}, function named() {}, () => {}, async function later() {}',
    "'%c styled', 'color: red'",
    'Array.from({ length: 120 }, (_, i) => i)',
    '"x".repeat(200), ["y".repeat(100), "z"]',
    '(() => { const a = { name: "loop" }; a.self = a; return a })()',
    'new Date(0), /re/g, new (class Point { constructor() { this.x = 1 } })()',
    'Object.create(null), Object.assign(Object.create({}), { a: 1 })',
    '[[[[[1]]]]]',
    "'no placeholder', 'more', 3",
    'new Error("text").message, [new Uint8Array([1, 2])]',
    '{ get a() { return 1 }, set b(v) {} }',
    "[ , 1, , ], 'it\\'s', [\"it's\"]",
    'new Number(3), new String("s"), [1.0, -1.5, NaN]',
    "'%s', { toString() { return 'own' } }, null, undefined",
    "'%d', '0x10', 5n",
  ];
  for (const value of values) {
    const expected = format(...new Function(`return [${value}]`)());
    assert.deepEqual(await logged(`console.log(${value})`, 'info'), [expected], value);
  }
});

test('whatever plain value console prints, it is what Node prints', async () => {
  // A generator of its own, so that a failure comes again.
  let seed = 7;
  const draw = (below) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * below);
  };
  const word = () =>
    [
      'a',
      'name',
      'two words',
      "it's",
      'say "hi"',
      'both \' and "',
      '中文',
      '😀',
      'line\nbreak',
      'back\\slash',
      '',
      '1',
      '_id',
      'x-y',
      'q'.repeat(draw(60)),
      '\ud800',
      '\u0007',
      'é',
      '`',
    ][draw(19)];
  const value = (depth) => {
    const kind = draw(depth > 4 ? 8 : 12);
    if (kind < 3) return word();
    if (kind < 8) return [1, -0, 1.5, NaN, -1e21, true, false, null, undefined, 123456789][draw(10)];
    if (kind < 10) return Array.from({ length: draw(9) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: draw(6) }, () => [word(), value(depth + 1)]));
  };
  const module = open({ 'cloud.js': "require('leanengine').Cloud.define('f', () => {})" }).load();
  const print = module.global('(...texts) => console.log(...texts.map((text) => (0, eval)(`(${text})`)))');
  const { inspect } = require('node:util');
  // As source text: JSON has neither undefined nor -0.
  const source = (one) => {
    if (Array.isArray(one)) return `[${one.map(source)}]`;
    if (one !== null && typeof one === 'object')
      return `{${Object.entries(one).map(([key, inner]) => `[${JSON.stringify(key)}]: ${source(inner)}`)}}`;
    return typeof one === 'string' ? JSON.stringify(one) : Object.is(one, -0) ? '-0' : String(one);
  };
  for (let round = 0; round < 3000; round++) {
    const values = Array.from({ length: 1 + draw(3) }, () => value(0));
    module.logs.length = 0;
    print(...values.map(source));
    assert.equal(module.logs[0].text, format(...values), inspect(values));
  }
});

test('console prints errors with their trace, cause and properties', async () => {
  const [text] = await logged(
    "console.error('failed:', Object.assign(new TypeError('text', { cause: new Error('below') }), { code: 'E1' }))",
    'error',
  );
  assert.match(
    text,
    /^failed: TypeError: text\n {4}at \/app\/cloud\.js:3:\d+[^]*code: 'E1',\n {2}\[cause\]: Error: below\n {6}at \/app\/cloud\.js:3:\d+/,
  );
});

test('the other methods of console', async () => {
  assert.deepEqual(
    await logged(`
    console.group('g'); console.log('in\\nside'); console.group(); console.warn('deep'); console.groupEnd(); console.groupEnd(); console.log('out')
    console.count(); console.count('x'); console.count(); console.countReset(); console.count(); console.assert(true, 'no'); console.assert(false, 'yes %s', 1); console.assert(false)
    console.dir({ a: { b: { c: {} } } }, { depth: 0 }); console.timeEnd('none')`),
    [
      ...[
        ['info', 'g'],
        ['info', '  in\n  side'],
        ['warn', '    deep'],
        ['info', 'out'],
        ['info', 'default: 1'],
        ['info', 'x: 1'],
        ['info', 'default: 2'],
        ['info', 'default: 1'],
        ['warn', 'Assertion failed: yes 1'],
        ['warn', 'Assertion failed'],
        ['info', '{ a: [Object] }'],
        ['warn', "Warning: No such label 'none' for console.timeEnd()"],
      ].map(([level, text]) => ({ level, text })),
    ],
  );
  assert.match((await logged("console.time('t'); console.timeEnd('t')", 'info'))[0], /^t: \d+(\.\d+)?ms$/);
  assert.match((await logged("console.trace('here %d', 1)", 'error'))[0], /^Trace: here 1\n {4}at \/app\/cloud\.js:3/);
  assert.deepEqual(await logged("console.table([{ a: 1, b: 'x' }, { a: 2 }])", 'info'), [
    [
      '┌─────────┬───┬─────┐',
      '│ (index) │ a │ b   │',
      '├─────────┼───┼─────┤',
      "│ 0       │ 1 │ 'x' │",
      '│ 1       │ 2 │     │',
      '└─────────┴───┴─────┘',
    ].join('\n'),
  ]);
  assert.deepEqual(
    await logged(
      "process.stdout.write('one\\n'); process.stderr.write('two'); new console.Console(process.stdout, process.stderr).error('three')",
    ),
    [
      { level: 'info', text: 'one' },
      { level: 'error', text: 'two' },
      { level: 'error', text: 'three' },
    ],
  );
});

test('process has what starters and packages read', async () => {
  const module = open(
    {
      'cloud.js': `const AV = require('leanengine'); const early = process.env.LATE
    process.env.OWN = 1
    AV.Cloud.define('f', () => ({ early, late: process.env.LATE, own: process.env.OWN, none: process.env.NONE, given: process.env.GIVEN, has: 'GIVEN' in process.env, keys: Object.keys(process.env),
      version: /^v20\\./.test(process.version), versions: typeof process.versions.node, platform: process.platform, pid: process.pid, cwd: process.cwd(), argv: process.argv, tag: String(process),
      hr: process.hrtime().length, big: typeof process.hrtime.bigint(), up: process.uptime() >= 0, memory: process.memoryUsage().heapUsed, events: typeof process.on }))
    AV.Cloud.define('exit', () => process.exit(1))`,
    },
    { variables: { GIVEN: 'a' }, callVariables: { LATE: 'now' } },
  ).load();
  assert.deepEqual(await module.call('f'), {
    late: 'now',
    own: '1',
    given: 'a',
    has: true,
    keys: ['GIVEN', 'OWN', 'LATE'],
    version: true,
    versions: 'string',
    platform: 'linux',
    pid: 1,
    cwd: '/app',
    argv: ['/usr/local/bin/node', '/app/cloud.js'],
    tag: '[object process]',
    hr: 2,
    big: 'bigint',
    up: true,
    memory: 0,
    events: 'function',
  });
  assert.match((await module.failure('exit')).message, /a hook cannot end the engine/);
});

test('timers: objects, order, clearing, promises', async () => {
  const module = handler(`
    const order = []
    const cleared = setTimeout(() => order.push('never'), 1); clearTimeout(cleared); clearTimeout(undefined); clearTimeout('7')
    setImmediate(() => order.push('immediate')); Promise.resolve().then(() => order.push('promise')); process.nextTick((value) => order.push(value), 'tick'); queueMicrotask(() => order.push('microtask'))
    const timer = setTimeout((...values) => order.push(values), 2, 'a', 'b'); const known = [timer.hasRef(), timer.unref() === timer, timer.hasRef(), typeof +timer, typeof timer.refresh]
    let ticks = 0; await new Promise((resolve) => { const every = setInterval(() => { if (++ticks === 3) { clearInterval(every); resolve() } }, 1) })
    const late = await require('timers/promises').setTimeout(3, 'value'); const promised = await require('util').promisify(setTimeout)(1, 'p')
    const stopped = await require('timers/promises').setTimeout(1000, 0, { signal: AbortSignal.abort() }).catch((error) => error.name)
    let bad; try { setTimeout('code') } catch (error) { bad = error.code }
    return { unreffed: +timer, order, known, ticks, late, promised, stopped, bad }`);
  const reply = await module.call('f');
  assert.ok(
    !module.kept.has(reply.unreffed) && module.kept.has(reply.unreffed - 1),
    'the engine is told which timers count',
  );
  delete reply.unreffed;
  assert.deepEqual(reply.order.splice(0, 3).sort(), ['microtask', 'promise', 'tick']);
  assert.deepEqual(reply.order.sort(), [['a', 'b'], 'immediate']);
  delete reply.order;
  assert.deepEqual(reply, {
    known: [true, true, false, 'number', 'function'],
    ticks: 3,
    late: 'value',
    promised: 'p',
    stopped: 'AbortError',
    bad: 'ERR_INVALID_ARG_TYPE',
  });
});

test('exceptions that nobody catches are logged, or go to the listeners of process', async () => {
  const module = handler(
    "setTimeout(() => { throw new RangeError('in a timer') }, 1); await new Promise((resolve) => setTimeout(resolve, 5)); return 'done'",
  );
  assert.equal(await module.call('f'), 'done');
  assert.match(module.texts('error')[0], /^Uncaught RangeError: in a timer\n {4}at .*\/app\/cloud\.js:3:/);
  module.uncaught(module.global("new Error('lost')"), 'unhandledRejection');
  assert.match(module.texts('error')[1], /^\(node:1\) UnhandledPromiseRejectionWarning: Error: lost\n/);
  module.uncaught('text', 'unhandledRejection');
  assert.match(module.texts('error')[2], /The promise rejected with the reason "'text'"\.$/);
  const listening = open({
    'cloud.js':
      "process.on('uncaughtException', (error, kind) => console.log(kind, error.message)); process.on('unhandledRejection', (reason) => { throw reason })",
  }).load();
  listening.uncaught(listening.global("new Error('a')"), 'uncaughtException');
  listening.uncaught(listening.global("new Error('b')"), 'unhandledRejection');
  assert.deepEqual(listening.texts('info'), ['uncaughtException a']);
  assert.match(listening.texts('error')[0], /Error: b/);
});

test('Buffer reads and writes what Node does', async () => {
  const expressions = [
    "Buffer.from('héllo €').toString('hex')",
    "Buffer.from('aGk_-w', 'base64url').toString('base64')",
    "Buffer.from('aGk=\\n', 'base64').toString()",
    "Buffer.from('ff0g', 'hex').length",
    "Buffer.from([1, 2, 256]).toString('base64url')",
    "Buffer.alloc(3, 'ab').toString()",
    "Buffer.concat([Buffer.from('a'), Buffer.from('b')], 3).toString('hex')",
    "Buffer.byteLength('€')",
    "Buffer.from('latin ä', 'latin1').toString('latin1')",
    "Buffer.from('ab', 'utf16le').toString('hex')",
    "JSON.stringify(Buffer.from('a'))",
    "Buffer.from('abc').equals(Buffer.from('abc'))",
    "Buffer.compare(Buffer.from('a'), Buffer.from('b'))",
    "Buffer.from('abcabc').indexOf('ca')",
    "Buffer.from('abc').slice(1).toString()",
    "Buffer.from('\\ud800').toString('hex')",
    'Buffer.from([0xff, 0x61]).toString()',
    '(() => { const b = Buffer.alloc(8); b.writeUInt32BE(0xdeadbeef, 0); b.writeDoubleLE; return b.readUInt32LE(0) })()',
    "Buffer.isBuffer(Buffer.from('')) && !Buffer.isBuffer(new Uint8Array())",
    "Buffer.isEncoding('base64url')",
    "Buffer.from('test').toString('utf8', 1, 3)",
    "(() => { const b = Buffer.alloc(4); return [b.write('aGk=', 0, 'base64'), b.toString('hex')] })()",
    "atob('aGk=') + btoa('hi')",
    "Buffer.from('abc').readUInt8(1)",
    "[...Buffer.from('ab').entries()]",
    "Buffer.from('€').toString('ascii').length",
    "Buffer.from('xyz').fill('q').toString()",
    'Buffer.from(new Uint8Array([1,2]).buffer, 1).length',
  ];
  for (const expression of expressions) {
    assert.deepEqual(
      await handler(`return ${expression}`).call('f'),
      JSON.parse(JSON.stringify(new Function('Buffer', `return ${expression}`)(Buffer))),
      expression,
    );
  }
});

test('two instances of one snapshot draw other random bytes', async () => {
  const draw = () =>
    handler(
      "const c = require('crypto'); return [c.randomBytes(8).toString('hex'), crypto.randomUUID(), c.randomInt(1e9)]",
    ).call('f');
  const [one, two] = [await draw(), await draw()];
  for (const index of [0, 1]) assert.notEqual(one[index], two[index]);
});
