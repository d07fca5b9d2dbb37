'use strict'

const web = require('tiny-web')
const AV = require('leanengine')

require('./cloud')

const app = web()
app.use(AV.express())
app.use(AV.Cloud.HttpsRedirect())
app.use(AV.Cloud.LeanCloudHeaders())
app.use(AV.Cloud.CookieSession({ secret: 'a secret', maxAge: 3600000, fetchUser: true }))

module.exports = app
