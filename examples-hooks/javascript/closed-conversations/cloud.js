// Closed conversations take no new members, and guests may not add members anywhere.

'use strict';

const AV = require('leanengine');
const { createClient } = require('redis');

const CLOSED = 'closed-conversations';
/** Client ids of guests all begin like this. */
const GUEST_PREFIX = 'guest-';
const CLOSED_CODE = 9890;

const redis = createClient({ url: process.env.REDIS_URL_cache });
redis.on('error', (error) => console.error('LeanCache:', error));
redis.connect();

AV.Cloud.onIMConversationAdd(async ({ params: { initBy, members, convId } }) => {
  const joinsItself = members.length === 1 && members[0] === initBy;
  if (initBy.startsWith(GUEST_PREFIX) && !joinsItself) return refused('guests cannot add members');
  if (await redis.sIsMember(CLOSED, convId)) return refused('this conversation is closed');
  return {};
});

// For the app's own servers, which know who may close a conversation.
AV.Cloud.define('closeConversation', { internal: true }, ({ params }) => redis.sAdd(CLOSED, params.convId));
AV.Cloud.define('openConversation', { internal: true }, ({ params }) => redis.sRem(CLOSED, params.convId));

function refused(detail) {
  return { reject: true, code: CLOSED_CODE, detail };
}
