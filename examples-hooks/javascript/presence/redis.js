'use strict';

const Redis = require('ioredis');

/** The one client of all files. */
const redis = new Redis(process.env.REDIS_URL_presence);
redis.on('error', (error) => console.error('LeanCache:', error));

module.exports = redis;
