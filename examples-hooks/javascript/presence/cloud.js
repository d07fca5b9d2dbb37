// Who is online: hooks write it to LeanCache, a function returns it.

'use strict';

const AV = require('leanengine');

const redis = require('./redis');

/** Who has not been back for so long is forgotten. */
const REMEMBERED_SECONDS = 7 * 24 * 60 * 60;
/** Longest list of clients that one call may ask about. */
const MOST_PEERS = 500;

const keyOf = (peerId) => `presence:${peerId}`;

// Nothing waits for the hooks, and they do not wait for LeanCache: the write goes on after they returned.
AV.Cloud.onIMClientOnline(({ params }) => {
  redis.set(keyOf(params.peerId), 1);
});

AV.Cloud.onIMClientOffline(({ params }) => {
  redis.set(keyOf(params.peerId), 0, 'EX', REMEMBERED_SECONDS);
});

/** `"1"`, `"0"` or `null` for each client, in the order asked: online, offline, not seen for seven days. */
AV.Cloud.define('getOnOffStatus', { fetchUser: false }, ({ params: { peerIds } }) => {
  if (!Array.isArray(peerIds)) throw new AV.Cloud.Error('`peerIds` must be a list of client ids');
  if (peerIds.length > MOST_PEERS) throw new AV.Cloud.Error(`ask about at most ${MOST_PEERS} clients at once`);
  // MGET of nothing is an error.
  return peerIds.length === 0 ? [] : redis.mget(peerIds.map(keyOf));
});

/** For the app's own servers: internal functions need the master key or the hook key. */
AV.Cloud.define('forgetClient', { internal: true }, async ({ params }) => {
  return (await redis.del(keyOf(params.peerId))) === 1;
});
