// Hooks of a LeanEngine app whose answers hold what JSON.stringify writes and few other readers take.

'use strict';

const AV = require('leanengine');

// Whatever the message holds goes into the answer, as a hook that hands on what it read does.
AV.Cloud.onIMMessageReceived((request) => {
  const { _lctext: text } = JSON.parse(request.params.content);
  const answers = {
    'half an emoji': { content: 'a\ud83d' },
    deep: { drop: true, code: 7, seen: nested(1_000) },
    'half a key': { drop: true, code: 7, '\ud83d': '\ud83d' },
  };
  return answers[text] ?? {};
});

AV.Cloud.onIMConversationStart((request) => {
  const { attr } = request.params;
  return attr.name === 'refuse \ufffd' ? { reject: true, code: 7, detail: 'half \ud83d', seen: attr } : {};
});

function nested(depth) {
  let value = 'x';
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}
