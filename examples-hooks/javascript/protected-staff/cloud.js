// Prevents clients from removing staff from conversations.

'use strict';

const AV = require('leanengine');

const staff = require('./staff.json');

const PROTECTED_CODE = 1928;

// Refuses the whole removal if a member of the staff is among those to be removed.
AV.Cloud.onIMConversationRemove(({ params }) => {
  const member = params.members.find((id) => staff.includes(id));
  return member ? { reject: true, code: PROTECTED_CODE, detail: `${member} cannot be removed` } : {};
});
