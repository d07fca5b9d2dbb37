'use strict';
// A module that can be required, since packages require much that they never use; every use of it throws.
const { unsupported } = require('./errors');

module.exports = function refused(name, text) {
  const fail = () => {
    throw unsupported(`${name}: ${text}`);
  };
  // What packages look at while they are loaded, without using it.
  const quiet = new Set(['then', '__esModule', 'prototype', 'toJSON', 'constructor', 'name', 'length']);
  const stub = (path) =>
    new Proxy(function () {}, {
      get(target, key) {
        if (typeof key === 'symbol' || quiet.has(key)) return target[key];
        return stub(`${path}.${key}`);
      },
      set: () => true,
      apply: fail,
      construct: fail,
    });
  const known =
    { child_process: ['exec', 'execSync', 'spawn', 'spawnSync', 'fork', 'execFile', 'execFileSync'] }[name] ?? [];
  const extra =
    {
      net: { isIP, isIPv4: (text) => isIP(text) === 4, isIPv6: (text) => isIP(text) === 6 },
      cluster: { isMaster: true, isPrimary: true, isWorker: false, workers: {}, ...deaf },
      worker_threads: { isMainThread: true, parentPort: null, workerData: null, threadId: 0 },
      tls: { rootCertificates: [], DEFAULT_MIN_VERSION: 'TLSv1.2', DEFAULT_MAX_VERSION: 'TLSv1.3' },
      v8: { getHeapStatistics: () => ({ heap_size_limit: 64 << 20, total_heap_size: 0, used_heap_size: 0 }) },
      http2: { constants: {} },
      dns: { promises: stub('dns.promises'), setDefaultResultOrder() {} },
    }[name] ?? {};
  const target = { ...Object.fromEntries(known.map((key) => [key, stub(`${name}.${key}`)])), ...extra };
  return new Proxy(target, {
    get(all, key) {
      if (key in all || typeof key === 'symbol' || quiet.has(key)) return all[key];
      return stub(`${name}.${key}`);
    },
  });
};

// Loggers listen for messages of workers, which never come.
const deaf = Object.fromEntries(
  ['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners'].map((name) => [
    name,
    function () {
      return this;
    },
  ]),
);

function isIP(text) {
  text = String(text);
  if (/^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/.test(text)) return 4;
  if (!text.includes(':') || !/^[0-9a-fA-F:.]+(%\w+)?$/.test(text)) return 0;
  const groups = text.replace(/%.*/, '').split('::');
  if (groups.length > 2) return 0;
  let count = 0;
  for (const part of groups.flatMap((half) => (half === '' ? [] : half.split(':')))) {
    if (isIP4(part)) count += 2;
    else if (/^[0-9a-fA-F]{1,4}$/.test(part)) count += 1;
    else return 0;
  }
  return groups.length === 2 ? (count < 8 ? 6 : 0) : count === 8 ? 6 : 0;
}

function isIP4(text) {
  return text.includes('.') && isIP(text) === 4;
}
