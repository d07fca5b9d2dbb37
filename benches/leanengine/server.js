// The word filter of the bench on LeanCloud's own engine SDK, in production mode.
//
// Usage: node server.js express|bare. `express`: as the SDK's documentation sets a project up. `bare`: the SDK's middleware
// on a plain HTTP server, the fastest possible setup, which is not used in practice.

'use strict';

process.env.NODE_ENV = 'production';

const http = require('http');
const express = require('express');
const AV = require('leanengine');

AV.init({
  appId: process.env.BENCH_APP_ID,
  appKey: process.env.BENCH_APP_KEY,
  masterKey: process.env.BENCH_MASTER_KEY,
  hookKey: process.env.BENCH_HOOK_KEY,
  serverURLs: 'http://127.0.0.1:1', // never called; without it the SDK asks the vendor's router
});

require('./word-filter/cloud');

const bare = process.argv[2] === 'bare';
const server = http.createServer(bare ? AV.express() : express().use(AV.express()));
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
