'use strict';
// AV.Cloud: what a module defines, and calls among its own functions.
const registry = require('internal:registry');
const { refuse } = require('./_refusal');
const CloudError = require('./_error');
const remote = require('./_remote');

const imHooks = [
  'messageReceived',
  'messageSent',
  'messageUpdate',
  'receiversOffline',
  'conversationStart',
  'conversationStarted',
  'conversationAdd',
  'conversationAdded',
  'conversationRemove',
  'conversationRemoved',
  'conversationUpdate',
  'clientOnline',
  'clientOffline',
];

const functions = new Proxy(
  {},
  {
    get: (_, name) => registry.table[name]?.handler,
    has: (_, name) => name in registry.table,
    ownKeys: () => Object.keys(registry.table),
    getOwnPropertyDescriptor: (_, name) =>
      name in registry.table
        ? { value: registry.table[name].handler, writable: false, enumerable: true, configurable: true }
        : undefined,
    set: () => false,
  },
);

const Cloud = {
  functions,
  Error: CloudError,
  __prod: undefined,

  define(name, options, handler) {
    if (typeof options === 'function') [options, handler] = [handler ?? {}, options];
    registry.add(String(name), handler, options ?? {});
  },

  /** A function of this module; with `remote: true`, one that the app's address serves. */
  run(name, params, options = {}) {
    if (options?.remote) return remote.run('functions', name, params, options);
    return runLocally(name, params, options ?? {});
  },

  rpc(name, params, options = {}) {
    if (options?.remote) return remote.run('call', name, params, options);
    return runLocally(name, params, options ?? {});
  },

  useMasterKey() {},
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  getServerDate: () => Promise.resolve(new Date()),
  requestSmsCode: () =>
    refuse(
      'AV.Cloud.requestSmsCode',
      'no provider of short messages is set up here; send them through a service of yours over HTTP',
    ),
  verifySmsCode: () =>
    refuse(
      'AV.Cloud.verifySmsCode',
      'no provider of short messages is set up here; send them through a service of yours over HTTP',
    ),
  requestCaptcha: () => refuse('AV.Cloud.requestCaptcha', 'captchas are not offered here'),
  verifyCaptcha: () => refuse('AV.Cloud.verifyCaptcha', 'captchas are not offered here'),
  enqueue: () =>
    refuse(
      'AV.Cloud.enqueue',
      'there is no queue of tasks here; do the work in the function, or ask a service of yours over HTTP',
    ),
  getTaskInfo: () => refuse('AV.Cloud.getTaskInfo', 'there is no queue of tasks here'),
  httpRequest: () => refuse('AV.Cloud.httpRequest', 'it was removed from LeanEngine; use fetch, http or https'),
};

function runLocally(name, params, options) {
  const entry = registry.table[name];
  if (entry === undefined || registry.neverFired.has(name)) {
    return Promise.reject(new CloudError(`No such cloud function '${name}'`, { status: 404, code: 1 }));
  }
  const user = options.user;
  const meta = {};
  if (options.req) meta.remoteAddress = remoteAddress(options.req);
  return registry.invoke(entry.handler, {
    expressReq: options.req,
    params,
    object: undefined,
    meta,
    user,
    currentUser: user,
    sessionToken: options.sessionToken ?? user?.getSessionToken?.(),
  });
}

function remoteAddress(req) {
  return req.headers?.['x-real-ip'] ?? req.headers?.['x-forwarded-for'] ?? req.ip ?? req.connection?.remoteAddress;
}

for (const hook of imHooks) {
  Cloud[`onIM${hook[0].toUpperCase()}${hook.slice(1)}`] = (options, handler) =>
    Cloud.define(`_${hook}`, options, handler);
}
Cloud.onIMClientSign = (options, handler) => Cloud.define('_rtmClientSign', options, handler);

// Hooks of the object storage: listed under the names that LeanEngine gives them, and never fired.
function never(name, handler) {
  registry.add(name, handler, { isFired: false });
}

const className = (value) =>
  typeof value === 'string' ? value : (value?._className ?? value?.className ?? value?.name);

for (const [method, prefix] of Object.entries({
  beforeSave: '__before_save_for_',
  afterSave: '__after_save_for_',
  beforeUpdate: '__before_update_for_',
  afterUpdate: '__after_update_for_',
  beforeDelete: '__before_delete_for_',
  afterDelete: '__after_delete_for_',
})) {
  Cloud[method] = (type, options, handler) => never(prefix + className(type), handler ?? options);
}
Cloud.onVerified = (type, handler) => never(`__on_verified_${type}`, handler);
Cloud.onLogin = (handler) => never('__on_login__User', handler);
Cloud.onAuthData = (handler) => never('__on_authdata__User', handler);

const onInsight = (_, handler) => never('__on_complete_bigquery_job', handler);
const Insight = {
  on: onInsight,
  startJob: () => refuse('AV.Insight.startJob', 'analysis of stored objects is not offered here'),
  JobQuery: class JobQuery {
    find() {
      return refuse('AV.Insight.JobQuery', 'analysis of stored objects is not offered here');
    }
  },
};
Cloud.onInsight = onInsight;
Cloud.BigQuery = { on: onInsight };
Cloud.onComplete = onInsight;

module.exports = { Cloud, Insight };
