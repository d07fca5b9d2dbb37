'use strict';
const { Cloud, Insight } = require('./_cloud');
const storage = require('./_storage');
const middleware = require('./_middleware');

const AV = {
  ...storage,
  Cloud,
  Insight,
  VERSION: '4.15.2',
  version: '4.15.2',
  applicationId: undefined,
  applicationKey: undefined,
  masterKey: undefined,
  hookKey: undefined,
  ...middleware.hosting,
  /** The values of the engine are the ones in force. */
  init(options, ...keys) {
    const { env } = process;
    const given =
      options !== null && typeof options === 'object'
        ? options
        : { appId: options, appKey: keys[0], masterKey: keys[1] };
    AV.applicationId = env.LEANCLOUD_APP_ID ?? given.appId;
    AV.applicationKey = env.LEANCLOUD_APP_KEY ?? given.appKey;
    AV.masterKey = env.LEANCLOUD_APP_MASTER_KEY ?? given.masterKey;
    AV.hookKey = env.LEANCLOUD_APP_HOOK_KEY ?? given.hookKey;
    AV._config.applicationId = AV.applicationId;
    AV._config.applicationKey = AV.applicationKey;
  },
  initialize: (...options) => AV.init(...options),
  setProduction(production) {
    Cloud.__prod = production ? 1 : 0;
  },
  setServerURLs() {},
  setServerURL() {},
  setAdapters() {},
  setRequestTimeout() {},
  nodeRequire: undefined,
  _config: { applicationId: undefined, applicationKey: undefined, production: undefined, realtime: undefined },
  debug: { enable() {}, disable() {} },
};
Object.assign(Cloud, middleware.sessions);
module.exports = AV;
