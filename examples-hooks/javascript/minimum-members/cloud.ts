// Refuses conversations of too few.

import AV from 'leanengine';
import type { ConversationStartReply } from 'leanengine/hooks';

const TOO_FEW_CODE = 1234;
/** With the creator among them. */
const minimum = Number(process.env.MINIMUM_MEMBERS ?? 3);

AV.Cloud.onIMConversationStart(({ params }): ConversationStartReply => {
  if (params.members.length >= minimum) return {};
  return { reject: true, code: TOO_FEW_CODE, detail: `a group needs at least ${minimum} members` };
});
