// Functions that write to the log, and whose answers depend on a variable.

'use strict';

const AV = require('leanengine');

AV.Cloud.define('greet', ({ params }) => {
  console.log('greeting %s', params.name, { like: ['this', { deep: [1, [2]] }] });
  return `${process.env.GREETING}, ${params.name}`;
});

AV.Cloud.define('mutter', () => {
  console.warn(`${process.env.GREETING}\n  twice`);
});

AV.Cloud.define('refuse', () => {
  throw new AV.Cloud.Error('not today', { code: 7, status: 403 });
});

AV.Cloud.define('askForALogIn', () => {
  throw new AV.Cloud.Error('log in first', { status: 401 });
});

AV.Cloud.define('cut', ({ params }) => params.text.slice(0, 1));

AV.Cloud.define('stumble', () => null.name);

AV.Cloud.onIMMessageReceived(({ params }) => ({ content: params.content.trim() }));
