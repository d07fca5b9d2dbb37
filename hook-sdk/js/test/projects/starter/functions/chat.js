const AV = require('leanengine')

// All fourteen, each in one of the ways in which people write them.
AV.Cloud.onIMMessageReceived((request) => {
  console.log('received', request.params)
  const { content } = request.params
  if (content.includes('nothing')) return
  if (content.includes('spam')) return { drop: true, code: '1001', detail: 'no spam' }
  return { content: content.replace(/darn/g, '****') }
})
AV.Cloud.onIMMessageSent({ internal: true }, async (request) => {
  console.log('sent to', request.params.onlinePeers)
})
AV.Cloud.onIMMessageUpdate(async ({ params }) => (params.recall ? { drop: true } : {}))
AV.Cloud.onIMReceiversOffline(async (request) => ({
  pushMessage: JSON.stringify({ alert: request.params.content.slice(0, 20), _profile: 'dev' }),
  force: true
}))
AV.Cloud.onIMConversationStart((request) => {
  if (request.params.members.length < 2) return { reject: true, code: 9890, detail: 'too few members' }
  return {}
})
AV.Cloud.onIMConversationStarted((request) => {
  console.log('started', request.params.convId)
})
AV.Cloud.onIMConversationAdd(async (request) => {
  // Samples attach handlers for both outcomes.
  AV.Cloud.requestSmsCode({ mobilePhoneNumber: '10086', template: 'joined', name: request.params.initBy }).then(
    () => console.log('told'),
    (error) => console.error('not told: ' + error.message)
  )
  return {}
})
AV.Cloud.onIMConversationAdded(() => 'ignored')
AV.Cloud.onIMConversationRemove(() => {
  throw new AV.Cloud.Error('nobody leaves', { code: 123, status: 403 })
})
AV.Cloud.onIMConversationRemoved(async () => null)
AV.Cloud.onIMConversationUpdate((request) => ({ reject: 'name' in request.params.attr, detail: 'names stay' }))
AV.Cloud.onIMClientOnline(() => {})
AV.Cloud.define('_clientOffline', async () => {})
AV.Cloud.onIMClientSign((request) => ({ reject: request.params.clientId === 'mallory' }))
