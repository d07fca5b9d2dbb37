// The word filter of the bench on LeanCloud's own engine SDK, in production mode. Same logic as examples-hooks/word-filter.
//
// Usage: node server.js express|bare. `express`: as the SDK's documentation sets a project up. `bare`: the SDK's middleware
// on a plain HTTP server, the fastest possible setup, which is not used in practice.

'use strict';

process.env.NODE_ENV = 'production';

const http = require('http');
const express = require('express');
const AV = require('leanengine');

const IMPOLITE = 'crap';
const REPLACEMENT = '**';
const ADVERTISING = 'cheap watches';
const ADVERTISING_CODE = 9001;

AV.init({
  appId: process.env.BENCH_APP_ID,
  appKey: process.env.BENCH_APP_KEY,
  masterKey: process.env.BENCH_MASTER_KEY,
  hookKey: process.env.BENCH_HOOK_KEY,
  serverURLs: 'http://127.0.0.1:1', // never called; without it the SDK asks the vendor's router
});

AV.Cloud.onIMMessageReceived(async ({ params: { bin, content } }) => {
  if (bin) return {};
  const rich = readRich(content);
  const text = rich ? rich._lctext : content;
  if (typeof text !== 'string') return {};
  if (text.includes(ADVERTISING)) return { drop: true, code: ADVERTISING_CODE, detail: 'no advertising here' };
  if (!text.includes(IMPOLITE)) return {};
  const polite = text.replaceAll(IMPOLITE, REPLACEMENT);
  return { content: rich ? JSON.stringify({ ...rich, _lctext: polite }) : polite };
});

/** The members of a rich message; `null` for a plain text. */
function readRich(content) {
  try {
    const value = JSON.parse(content);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const bare = process.argv[2] === 'bare';
const server = http.createServer(bare ? AV.express() : express().use(AV.express()));
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }));
});
