'use strict';
// Packages of the registry that hooks use, as they are.
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const zlib = require('node:zlib');
const { open } = require('./harness');

const root = path.join(__dirname, '../node_modules');
const read = (file) => fs.readFileSync(file, 'utf8');

/** Adds a package and what it depends on to `files`, each where npm put it. */
function collect(name, from, files, seen = new Set()) {
  let folder;
  for (let parent = from; ; parent = path.dirname(parent)) {
    folder = path.join(parent, 'node_modules', name);
    if (fs.existsSync(folder)) break;
    if (parent === path.dirname(root)) return;
  }
  if (seen.has(folder)) return;
  seen.add(folder);
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && /\.(c?js|json)$/.test(entry.name) && !path.relative(folder, file).includes('node_modules')) {
      files[path.join('node_modules', path.relative(root, file))] = read(file);
    }
  }
  for (const inner of Object.keys(JSON.parse(read(path.join(folder, 'package.json'))).dependencies ?? {}))
    collect(inner, folder, files, seen);
}

function answer({ method, url, headers, body }) {
  if (url.endsWith('/404')) return { status: 404, body: 'none' };
  if (url.endsWith('/moved')) return { status: 302, headers: { location: '/end' } };
  if (url.endsWith('/packed'))
    return {
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      body: [zlib.gzipSync('{"packed":true}')],
    };
  return {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      method,
      url,
      type: headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1],
      body: body?.toString(),
    }),
  };
}

const uses = {
  axios: [
    `
    const u = 'http://a.example', posted = await x.post(u + '/p?q=1', { k: 1 }, { timeout: 500 }), moved = await x.get(u + '/moved'), packed = await x(u + '/packed')
    const failure = await x.get(u + '/404').catch((error) => [error.message, error.response.status, error.code])
    return [posted.data.body, posted.data.type, moved.data.url, packed.data, failure]`,
    [
      '{"k":1}',
      'application/json',
      'http://a.example/end',
      { packed: true },
      ['Request failed with status code 404', 404, 'ERR_BAD_REQUEST'],
    ],
  ],
  bluebird: ['return x.delay(1).then(() => x.map([1, 2], (one) => one * 2))', [2, 4]],
  debug: ["x.enable('mine'); const log = x('mine'); log('said %s', 'it'); return log.enabled", true],
  express: [
    `
    const app = x(); app.use(x.json()); app.get('/', (request, response) => response.send('hi'))
    return new Promise((resolve) => { const server = app.listen(3000, () => resolve(server.address().port)) })`,
    3000,
  ],
  got: [
    "return [(await x.post('http://a.example/p', { json: { a: 1 } }).json()).body, await x('http://a.example/packed').json(), await x('http://a.example/404', { retry: 0 }).catch((error) => error.message)]",
    ['{"a":1}', { packed: true }, 'Response code 404 (Not Found)'],
  ],
  lodash: ['return x.chain([3, 1, 2]).sortBy().chunk(2).value()', [[1, 2], [3]]],
  moment: [
    "return [x(0).utc().format('YYYY-MM-DD HH:mm'), x.duration(90, 'minutes').humanize()]",
    ['1970-01-01 00:00', '2 hours'],
  ],
  'node-fetch': [
    "const answer = await x('http://a.example/packed'); return [answer.status, await answer.json(), (await (await x('http://a.example/moved')).json()).url]",
    [200, { packed: true }, 'http://a.example/end'],
  ],
  request: [
    `
    const ask = (options) => new Promise((resolve, reject) => x(options, (error, response, body) => error ? reject(error) : resolve([response.statusCode, body])))
    return [(await ask({ url: 'http://a.example/p', method: 'POST', json: { k: 1 }, timeout: 500 }))[1].body, JSON.parse((await ask({ method: 'POST', uri: 'http://a.example/f', form: { k: 'ä' } }))[1]).body,
      (await ask({ url: 'http://a.example/moved', json: true }))[1].url, await ask({ url: 'http://a.example/packed', gzip: true, json: true })]`,
    ['{"k":1}', 'k=%C3%A4', 'http://a.example/end', [200, { packed: true }]],
  ],
  superagent: [
    "return [(await x.post('http://a.example/p').send({ a: 1 }).set('X', 'y')).body.body, (await x.get('http://a.example/404').catch((error) => error)).status]",
    ['{"a":1}', 404],
  ],
  uuid: ['return x.v4().length', 36],
  xml2js: ['return x.parseStringPromise(\'<a><b c="1">t</b></a>\')', { a: { b: [{ _: 't', $: { c: '1' } }] } }],
};

for (const [name, [use, expected]] of Object.entries(uses)) {
  test(`the package ${name}`, async () => {
    const files = {
      'cloud.js': `const AV = require('leanengine'), x = require('${name}')\nAV.Cloud.define('f', async () => {${use}\n})`,
    };
    collect(name, path.dirname(root), files);
    assert.deepEqual(await open(files, { answer }).load().call('f'), expected);
  });
}
