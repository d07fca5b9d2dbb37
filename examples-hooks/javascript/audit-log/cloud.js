// Logs the sender, the conversation and the number of receivers of each message; never its text.

'use strict';

const AV = require('leanengine');

AV.Cloud.onIMMessageSent(({ params: { msgId, fromPeer, convId, onlinePeers, offlinePeers } }) => {
  const receivers = `${onlinePeers.length} online, ${offlinePeers.length} offline`;
  console.log('message %s from %s in %s: %s', msgId, fromPeer, convId, receivers);
});
