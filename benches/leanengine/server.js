// The word filter of the bench on LeanCloud's own engine SDK, as its documentation sets a project up: the SDK's
// middleware on a plain HTTP server, NODE_ENV=production. Same logic and same keys as the Rust module it is compared to.

'use strict';

process.env.NODE_ENV = 'production';

const http = require('http');
const AV = require('leanengine');

AV.init({
  appId: process.env.BENCH_APP_ID,
  appKey: process.env.BENCH_APP_KEY,
  masterKey: process.env.BENCH_MASTER_KEY,
  hookKey: process.env.BENCH_HOOK_KEY,
  serverURLs: 'http://127.0.0.1:1', // never called; without it the SDK asks the vendor's router
});

AV.Cloud.onIMMessageReceived(async (request) => {
  const filtered = request.params.content.replaceAll('crap', '**');
  return filtered === request.params.content ? {} : { content: filtered };
});

const server = http.createServer(AV.express());
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
