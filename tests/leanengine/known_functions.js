// The functions that the conformance tests know, as in tests/conformance/known-functions.

'use strict';

const AV = require('leanengine');

AV.Cloud.define('echo', (request) => request.params);
AV.Cloud.define('_custom', (request) => request.params);
AV.Cloud.define('_serviceEvent', (request) => request.params);
AV.Cloud.onIMMessageReceived((request) => request.params);
AV.Cloud.define('insideOnly', { internal: true }, () => 'inside');

AV.Cloud.define('number', () => 7);
AV.Cloud.define('text', () => 'seven');
AV.Cloud.define('boolean', () => true);
AV.Cloud.define('list', () => [1, 'two', null]);
AV.Cloud.define('null', () => null);
AV.Cloud.define('nothing', () => undefined);

AV.Cloud.define('garbled', () => 7n);

AV.Cloud.define('refuses', () => {
  throw new AV.Cloud.Error('no luck');
});
AV.Cloud.define('refusesAs418', () => {
  throw new AV.Cloud.Error('tea "pot"\n茶', { code: 4321, status: 418 });
});
AV.Cloud.define('refusesAsSuccess', () => {
  throw new AV.Cloud.Error('all is well', { code: 1, status: 226 });
});
AV.Cloud.define('refusesWordless', () => {
  throw new AV.Cloud.Error('');
});
AV.Cloud.define('breaks', () => {
  throw new Error('an error occurred when formatting an argument');
});
AV.Cloud.define('late', () => new Promise((resolve) => setTimeout(resolve, 2_000, 'late')));

// Without `fetchUser` the session token is not exchanged for a user, which would need the vendor's storage.
AV.Cloud.define('caller', { fetchUser: false }, (request) => ({
  address: request.meta.remoteAddress,
  session: request.sessionToken ?? null,
  environment: process.env.LEANCLOUD_APP_ENV,
}));
