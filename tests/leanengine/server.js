// Serves cloud.js, or what CLOUD names, as a LeanEngine project does, on PORT or a free one, and prints the address as one line of JSON.

'use strict';

const http = require('http');
const AV = require('leanengine');

AV.init({
  appId: process.env.LEANCLOUD_APP_ID,
  appKey: process.env.LEANCLOUD_APP_KEY,
  masterKey: process.env.LEANCLOUD_APP_MASTER_KEY,
  hookKey: process.env.LEANCLOUD_APP_HOOK_KEY,
  serverURLs: 'http://127.0.0.1:1', // never called; without it the SDK asks the vendor's router
});
require(process.env.CLOUD ?? './cloud');

const server = http.createServer(AV.express());
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
