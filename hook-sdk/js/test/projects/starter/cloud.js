const AV = require('leanengine')
const fs = require('fs')
const path = require('path')

// Every file of the folder defines functions of its own.
fs.readdirSync(path.join(__dirname, 'functions')).forEach((file) => {
  require(path.join(__dirname, 'functions', file))
})

// Hooks of the object storage stand beside those of the chat.
const Review = AV.Object.extend('Review')
AV.Cloud.beforeSave('Review', (request) => {
  if (!request.object.get('text')) throw new AV.Cloud.Error('a review needs a text')
})
AV.Cloud.afterSave('Review', async (request) => {
  await new AV.Query('Post').get(request.object.get('post').id)
})
AV.Cloud.beforeUpdate('Review', () => {})
AV.Cloud.afterUpdate('Review', () => {})
AV.Cloud.beforeDelete(Review, () => {})
AV.Cloud.afterDelete('Review', () => {})
AV.Cloud.onVerified('sms', () => {})
AV.Cloud.onVerified('email', () => {})
AV.Cloud.onLogin(() => {})
AV.Cloud.onAuthData(() => {})
AV.Insight.on('end', () => {})
