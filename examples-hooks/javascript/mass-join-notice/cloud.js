// Tells the operators when many members come into a conversation at once.

'use strict';

const AV = require('leanengine');

/** More than these are many. */
const FEW = 10;

AV.Cloud.onIMConversationAdded(async ({ params: { convId, initBy, members } }) => {
  if (members.length <= FEW) return;
  const answer = await fetch(process.env.NOTICE_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ conversation: convId, by: initBy, members: members.length }),
  });
  // A hook that fails is called again, so that no notice is lost.
  if (!answer.ok) throw new Error(`the service for notices answered ${answer.status}`);
});
