// The newest conversations of the app, and those that a client left lately: hooks write them to LeanCache, functions return
// them.

'use strict';

const AV = require('leanengine');
const Redis = require('ioredis');

const RECENT = 'recent-conversations';
const leftBy = (peerId) => `left-conversations:${peerId}`;
/** Older ones are forgotten. */
const MOST = 100;

const redis = new Redis(process.env.REDIS_URL_cache);
redis.on('error', (error) => console.error('LeanCache:', error));

AV.Cloud.onIMConversationStarted(({ params }) => putFirst(RECENT, params.convId));

AV.Cloud.onIMConversationRemoved(({ params: { initBy, members, convId } }) => {
  if (isAlone(initBy, members)) return putFirst(leftBy(initBy), convId);
});

// Who is back has not left.
AV.Cloud.onIMConversationAdded(async ({ params: { members, convId } }) => {
  const pipeline = redis.pipeline();
  for (const member of members) pipeline.lrem(leftBy(member), 0, convId);
  await succeeded(pipeline);
});

AV.Cloud.define('recentConversations', () => redis.lrange(RECENT, 0, -1));
AV.Cloud.define('leftConversations', ({ params }) => redis.lrange(leftBy(params.peerId), 0, -1));

/** Left by itself, and was not removed by another member. */
function isAlone(initBy, members) {
  return members.length === 1 && members[0] === initBy;
}

/** A hook may be called twice for one operation: the conversation is in the list once. */
function putFirst(list, convId) {
  return succeeded(redis.multi().lrem(list, 0, convId).lpush(list, convId).ltrim(list, 0, MOST - 1));
}

/** A hook that fails is called again. */
async function succeeded(commands) {
  for (const [error] of await commands.exec()) if (error) throw error;
}
