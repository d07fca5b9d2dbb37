// Signs only those users in whose address is verified.

'use strict';

const AV = require('leanengine');

AV.Cloud.onIMClientSign(({ params }) => {
  if (params.emailVerified || params.mobilePhoneVerified) return { result: true };
  return { result: false, error: 'verify your mail address or your phone first' };
});
