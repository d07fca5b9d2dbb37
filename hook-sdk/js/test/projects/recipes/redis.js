// One client for all, and a way to more of them.
const Redis = require('ioredis')

function createClient() {
  const client = new Redis(process.env['REDIS_URL_presence'])
  client.on('error', (error) => { console.error('presence: ' + error.message) })
  return client
}

module.exports = { redisClient: createClient(), createClient }
