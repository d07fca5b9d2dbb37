// Notification hooks of a LeanEngine app that print their params, one line of JSON a call.
//
// FAIL is JSON, by hook and client (`_clientOnline:tom`) or by hook: how many calls fail before the first one succeeds.

'use strict';

const AV = require('leanengine');

const failuresLeft = JSON.parse(process.env.FAIL ?? '{}');

function record(hook, clientOf) {
  AV.Cloud.define(hook, (request) => {
    const { params, expressReq } = request;
    const key = [`${hook}:${clientOf(params)}`, hook].find((candidate) => failuresLeft[candidate] > 0);
    const line = { hook, params, sequence: Number(expressReq.headers['x-hookd-sequence']), failed: key !== undefined };
    console.log(JSON.stringify(line));
    if (!line.failed) return {};
    failuresLeft[key] -= 1;
    throw new AV.Cloud.Error('the database is away', { code: 4711, status: 500 });
  });
}

record('_messageSent', (params) => params.fromPeer);
record('_clientOnline', (params) => params.peerId);
record('_clientOffline', (params) => params.peerId);
record('_conversationStarted', (params) => params.convId);
record('_conversationAdded', (params) => params.initBy);
record('_conversationRemoved', (params) => params.initBy);
