const AV = require('leanengine')
const { redisClient, createClient } = require('./redis')
const old = require('redis').createClient(process.env.REDIS_URL_presence)
old.on('error', (error) => console.error(error))

const SEVEN_DAYS = 7 * 24 * 60 * 60

// Presence. The writes are started and not awaited.
AV.Cloud.onIMClientOnline((request) => {
  redisClient.set(request.params.peerId, 1)
})
AV.Cloud.onIMClientOffline((request) => {
  redisClient.set(request.params.peerId, 0, 'EX', SEVEN_DAYS)
})
AV.Cloud.define('getOnOffStatus', (request) => redisClient.mget(request.params.peerIds))

// The same with a prefix, and without an expiry.
AV.Cloud.define('online2', async (request) => { createClient().set('onOffStatus:' + request.params.peerId, 1) })
AV.Cloud.define('offline2', async (request) => { redisClient.set('onOffStatus:' + request.params.peerId, 0) })
AV.Cloud.define('status2', (request) => redisClient.mget(request.params.peerIds.map((id) => 'onOffStatus:' + id)))
AV.Cloud.define('online3', (request) => { setTimeout(() => redisClient.set('late:' + request.params.peerId, 1), 20) })
AV.Cloud.define('status3', (request) => redisClient.get('late:' + request.params.peerId))

// Lists of conversations.
AV.Cloud.onIMConversationStarted(async (request) => {
  await redisClient.lpush('recent_conversations', request.params.convId)
})
AV.Cloud.define('recent', () => redisClient.lrange('recent_conversations', 0, -1))

AV.Cloud.define('everything', async () => {
  const replies = await Promise.all([
    redisClient.set('a', 1, 'EX', 60, 'NX'), redisClient.set('a', 2, 'EX', 60, 'NX'), redisClient.setex('b', 60, 'two'),
    redisClient.mset('c', '三', 'd', 4), redisClient.get('none'), redisClient.mget('a', 'b', 'c', 'd'), redisClient.del('d'),
    redisClient.rpush('l', 'x', 'y'), redisClient.llen('l'), redisClient.hset('h', 'f', 1), redisClient.hmset('h', { g: 2 }),
    redisClient.hgetall('h'), redisClient.hget('h', 'f'), redisClient.hdel('h', 'f'), redisClient.zadd('z', 1, 'one', 2, 'two', 3, 'three'),
    redisClient.zscore('z', 'two'), redisClient.zrevrank('z', 'one'), redisClient.zrevrange('z', 0, 1, 'WITHSCORES'),
    redisClient.zrevrangebyscore('z', '+inf', '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
  ])
  const chain = await redisClient.multi().set('m', 1).lpush('m', 2).get('m').exec()
  const refused = []
  for (const ask of [() => redisClient.publish('c', 'm'), () => createClient().subscribe('c'), () => redisClient.mget([])]) {
    refused.push(await ask().catch((error) => error.message))
  }
  redisClient.defineCommand('own', { numberOfKeys: 1, lua: 'return 1' })
  refused.push(await redisClient.own('k').catch((error) => error.message))
  return { replies, chain: chain.map(([error, value]) => (error ? error.message.split(' ')[0] : value)), refused }
})

AV.Cloud.define('callbacks', (request, response) => {
  old.set('k', 'v', (error) => {
    if (error) return response.error(error)
    old.mget(['k', 'none'], (error, values) => (error ? response.error(error) : response.success(values)))
  })
})

// Moderation, as the body of a handler in the online editor: `json` is declared nowhere.
AV.Cloud.onIMMessageReceived(async function (request) {
  const text = JSON.stringify({ content: request.params.content, user: request.params.fromPeer })
  const http = require(process.env.MODERATION_PROTOCOL || 'https')
  return new Promise((resolve, reject) => {
    const options = {
      hostname: process.env.MODERATION_HOST, port: process.env.MODERATION_PORT, path: '/check', method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text), 'X-Secret': 'moderation secret' }
    }
    const ask = http.request(options, (answer) => {
      let whole = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece) => { whole += piece })
      answer.on('end', () => {
        if (answer.statusCode !== 200) return reject(new Error('moderation answered ' + answer.statusCode))
        json = JSON.parse(whole)
        if (json.result === 0) resolve(null)
        else if (json.filtered_text) resolve({ content: json.filtered_text })
        else resolve({ drop: true })
      })
    })
    ask.on('error', (error) => reject(error))
    ask.write(text)
    ask.end()
  })
})
