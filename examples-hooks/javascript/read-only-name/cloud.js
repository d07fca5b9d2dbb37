// The name of a conversation stays as it was created; its other attributes may change.

'use strict';

const AV = require('leanengine');

const READ_ONLY_CODE = 1949;

AV.Cloud.onIMConversationUpdate(({ params }) => {
  // Without `attr` the client mutes the conversation, or unmutes it.
  if (params.attr && 'name' in params.attr) {
    return { reject: true, code: READ_ONLY_CODE, detail: 'the name of a conversation cannot be changed' };
  }
});
