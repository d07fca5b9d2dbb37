// Serves the functions of a file as a LeanEngine project does, on PORT or a free one, and prints the address as one line
// of JSON. Arguments: the file, the time limit of a function in ms (without it LeanEngine's own).

'use strict';

const http = require('http');
const AV = require('leanengine');

const [functions, timeoutMs] = process.argv.slice(2);

AV.init({
  appId: process.env.LEANCLOUD_APP_ID,
  appKey: process.env.LEANCLOUD_APP_KEY,
  masterKey: process.env.LEANCLOUD_APP_MASTER_KEY,
  hookKey: process.env.LEANCLOUD_APP_HOOK_KEY,
  serverURLs: 'http://127.0.0.1:1', // never called; without it the SDK asks the vendor's router
});
require(`./${functions}`);

const server = http.createServer(AV.express(timeoutMs ? { timeout: `${timeoutMs}ms` } : {}));
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
