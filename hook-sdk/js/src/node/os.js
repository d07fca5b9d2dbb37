'use strict';
const { errno, signals } = require('constants');

module.exports = {
  EOL: '\n',
  devNull: '/dev/null',
  arch: () => 'x64',
  availableParallelism: () => 1,
  constants: { errno, signals },
  cpus: () => [{ model: 'sandbox', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }],
  endianness: () => 'LE',
  freemem: () => 64 << 20,
  getPriority: () => 0,
  homedir: () => '/app',
  hostname: () => process.env.LEANCLOUD_APP_INSTANCE ?? process.env.HOSTNAME ?? 'localhost',
  loadavg: () => [0, 0, 0],
  machine: () => 'x86_64',
  networkInterfaces: () => ({}),
  platform: () => 'linux',
  release: () => '6.0.0',
  setPriority() {},
  tmpdir: () => '/tmp',
  totalmem: () => 64 << 20,
  type: () => 'Linux',
  uptime: () => process.uptime(),
  userInfo: () => ({ uid: 1000, gid: 1000, username: 'app', homedir: '/app', shell: null }),
  version: () => 'hookd',
};
