// Hooks of a LeanEngine app, with the decisions of examples-hooks/team-chat.

'use strict';

const AV = require('leanengine');

AV.Cloud.onIMMessageReceived(async (request) => {
  const { bin, content } = request.params;
  if (bin) return {};
  const rich = parse(content);
  const text = rich ? rich._lctext : content;
  if (text.includes('cheap watches')) return { drop: true, code: 9001, detail: 'no advertising here' };
  if (!text.includes('crap')) return {};
  const polite = text.replaceAll('crap', '**');
  return { content: rich ? JSON.stringify({ ...rich, _lctext: polite }) : polite };
});

AV.Cloud.onIMConversationStart((request) => {
  if (request.params.members.length >= 3) return {};
  return { reject: true, code: 1234, detail: 'a group needs at least three members' };
});

AV.Cloud.onIMConversationRemove((request) => {
  const staff = request.params.members.find((member) => member.startsWith('staff-'));
  return staff ? { reject: true, code: 1928, detail: `${staff} cannot be removed` } : {};
});

AV.Cloud.onIMMessageSent((request) => {
  console.log(`${request.params.fromPeer} wrote ${request.params.msgId}`);
});

function parse(content) {
  try {
    const value = JSON.parse(content);
    return value && typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
