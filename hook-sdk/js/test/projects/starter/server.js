'use strict'

const AV = require('leanengine')

AV.init({
  appId: process.env.LEANCLOUD_APP_ID,
  appKey: process.env.LEANCLOUD_APP_KEY,
  masterKey: process.env.LEANCLOUD_APP_MASTER_KEY
})
AV.Cloud.useMasterKey()

const app = require('./app')
const port = parseInt(process.env.LEANCLOUD_APP_PORT || process.env.PORT || 3000)

app.listen(port, () => {
  console.log('the app is running on port %d', port)
  process.on('uncaughtException', (error) => console.error('uncaught: %s', error.message))
  process.on('unhandledRejection', (reason) => console.error('unhandled: %s', reason.message))
})
