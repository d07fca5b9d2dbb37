'use strict'
const AV = require('leanengine')

AV.Cloud.define('average', async (request) => {
  const { numbers } = request.params
  if (!Array.isArray(numbers) || numbers.length === 0) throw new AV.Cloud.Error('no numbers', { code: 2 })
  return numbers.reduce((sum, one) => sum + one, 0) / numbers.length
})
AV.Cloud.define('inner', { internal: true, fetchUser: false }, (request) => ({ at: new Date(0), from: request.meta.remoteAddress || null }))
AV.Cloud.define('outer', async (request) => {
  const inner = await AV.Cloud.run('inner', {}, { req: request.expressReq })
  const same = await AV.Cloud.rpc('inner', {})
  return [inner.at instanceof Date, inner.from, same.at.getTime(), Object.keys(AV.Cloud.functions).includes('average')]
})
AV.Cloud.define('lost', () => {
  Promise.reject(new Error('nobody waits'))
  setTimeout(() => { throw new Error('nobody catches') }, 1)
  return 'ok'
})
AV.Cloud.define('whoami', (request) => ({
  keys: Object.keys(request), user: request.currentUser === undefined, method: request.expressReq.method,
  type: request.expressReq.headers['content-type'], app: AV.applicationId === process.env.LEANCLOUD_APP_ID
}))
