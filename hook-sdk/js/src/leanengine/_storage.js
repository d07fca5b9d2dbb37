'use strict'
// The object storage's classes. They hold values in memory; what would ask the storage rejects.
const registry = require('internal:registry')
const { storage: why } = require('internal:unsupported')
const { refuse } = require('./_refusal')

/** Puts methods that ask the storage on `target`. */
function network(target, label, names) {
  for (const name of names) {
    Object.defineProperty(target, name, {
      value: () => refuse(`${label}${name}`, why), writable: true, configurable: true, enumerable: false
    })
  }
}

const classes = new Map()

class AVObject {
  constructor(className, attributes, options) {
    if (typeof className === 'string') this.className = className
    else {
      options = attributes
      attributes = className
      this.className = this.constructor._className ?? this.constructor.name
    }
    this.attributes = {}
    this.cid = `c${++AVObject._counter}`
    this._dirty = new Set()
    if (attributes) this.set(attributes)
    this.initialize?.(attributes, options)
  }

  get(name) {
    if (name === 'objectId') return this.id
    return this.attributes[name]
  }

  set(name, value) {
    const entries = name !== null && typeof name === 'object' ? Object.entries(name) : [[name, value]]
    for (const [key, one] of entries) {
      if (key === 'objectId' || key === 'id') this.id = one
      else if (key === 'createdAt' || key === 'updatedAt') this[key] = one instanceof Date ? one : new Date(one)
      else {
        this.attributes[key] = one
        this._dirty.add(key)
      }
    }
    return this
  }

  unset(name) {
    delete this.attributes[name]
    this._dirty.add(name)
    return this
  }

  increment(name, by = 1) {
    return this.set(name, (this.get(name) ?? 0) + by)
  }

  add(name, item) {
    return this.set(name, [...(this.get(name) ?? []), item])
  }

  addUnique(name, item) {
    const items = this.get(name) ?? []
    return items.includes(item) ? this : this.set(name, [...items, item])
  }

  remove(name, item) {
    return this.set(name, (this.get(name) ?? []).filter((one) => one !== item))
  }

  has(name) {
    return this.attributes[name] !== undefined && this.attributes[name] !== null
  }

  escape(name) {
    return String(this.get(name) ?? '').replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
  }

  getObjectId() {
    return this.id
  }

  getCreatedAt() {
    return this.createdAt
  }

  getUpdatedAt() {
    return this.updatedAt
  }

  getACL() {
    return this.get('ACL')
  }

  setACL(acl) {
    return this.set('ACL', acl)
  }

  relation(name) {
    return new Relation(this, name)
  }

  dirty(name) {
    return name === undefined ? this._dirty.size > 0 : this._dirty.has(name)
  }

  dirtyKeys() {
    return [...this._dirty]
  }


  isNew() {
    return this.id === undefined
  }

  clone() {
    return new this.constructor(this.className, this.attributes)
  }

  disableBeforeHook() {}
  disableAfterHook() {}
  ignoreHook() {}

  toJSON() {
    const plain = {}
    for (const [name, value] of Object.entries(this.attributes)) plain[name] = encode(value)
    if (this.id !== undefined) plain.objectId = this.id
    if (this.createdAt) plain.createdAt = this.createdAt.toISOString()
    if (this.updatedAt) plain.updatedAt = this.updatedAt.toISOString()
    return plain
  }

  toFullJSON() {
    return { ...this.toJSON(), __type: 'Object', className: this.className }
  }

  toPointer() {
    return { __type: 'Pointer', className: this.className, objectId: this.id }
  }

  static extend(name, prototype, statics) {
    if (typeof name !== 'string') throw new Error("AV.Object.extend's first argument should be the className.")
    const Base = this
    const Class = { [name]: class extends Base {} }[name]
    Class._className = name
    Object.assign(Class.prototype, prototype)
    Object.assign(Class, statics)
    classes.set(name, Class)
    return Class
  }

  static register(Class, name) {
    Class._className = name ?? Class.name
    classes.set(Class._className, Class)
  }

  static createWithoutData(className, id) {
    const name = typeof className === 'string' ? className : className._className ?? className.name
    const Class = classes.get(name)
    const object = Class ? new Class() : new AVObject(name)
    object.id = id
    object.className = name
    return object
  }
}
AVObject._counter = 0
network(AVObject.prototype, 'AV.Object.', ['save', 'fetch', 'destroy', 'fetchWhenSave'])
network(AVObject, 'AV.Object.', ['saveAll', 'fetchAll', 'destroyAll'])

class Query {
  constructor(Class) {
    this.className = typeof Class === 'string' ? Class : Class?._className ?? Class?.name
    this._where = {}
  }

  static or(...queries) {
    return new this(queries[0]?.className)
  }

  static and(...queries) {
    return new this(queries[0]?.className)
  }
}
for (const name of [
  'equalTo', 'notEqualTo', 'lessThan', 'lessThanOrEqualTo', 'greaterThan', 'greaterThanOrEqualTo', 'containedIn',
  'notContainedIn', 'containsAll', 'exists', 'doesNotExist', 'matches', 'contains', 'startsWith', 'endsWith', 'matchesQuery',
  'doesNotMatchQuery', 'matchesKeyInQuery', 'doesNotMatchKeyInQuery', 'near', 'withinKilometers', 'withinMiles',
  'withinRadians', 'withinGeoBox', 'sizeEqualTo', 'ascending', 'addAscending', 'descending', 'addDescending', 'include',
  'includeACL', 'select', 'limit', 'skip', 'returnCount'
]) {
  Object.defineProperty(Query.prototype, name, {
    value() {
      return this
    },
    writable: true, configurable: true
  })
}
const asked = ['find', 'first', 'get', 'count', 'destroyAll', 'findAndCount', 'each', 'scan', 'subscribe']
network(Query.prototype, 'AV.Query.', asked)
network(Query, 'AV.Query.', ['doCloudQuery'])

class User extends AVObject {
  getSessionToken() {
    return this._sessionToken
  }

  getUsername() {
    return this.get('username')
  }

  setUsername(name) {
    return this.set('username', name)
  }

  setPassword(password) {
    return this.set('password', password)
  }

  getEmail() {
    return this.get('email')
  }

  setEmail(email) {
    return this.set('email', email)
  }

  getMobilePhoneNumber() {
    return this.get('mobilePhoneNumber')
  }

  setMobilePhoneNumber(number) {
    return this.set('mobilePhoneNumber', number)
  }

  isCurrent() {
    return false
  }

  authenticated() {
    return this._sessionToken !== undefined
  }

  static current() {
    return null
  }

  static currentAsync() {
    return Promise.resolve(null)
  }
}
User._className = '_User'
network(User.prototype, 'AV.User.', [
  'signUp', 'logIn', 'follow', 'unfollow', 'getRoles', 'isAuthenticated', 'refreshSessionToken', 'updatePassword',
  'associateWithAuthData', 'dissociateAuthData', 'followerQuery'
])
network(User, 'AV.User.', [
  'signUp', 'logIn', 'become', 'logOut', 'loginWithAuthData', 'loginWithWeapp', 'loginAnonymously', 'logInWithMobilePhone',
  'logInWithMobilePhoneSmsCode', 'signUpOrlogInWithMobilePhone', 'logInWithEmail', 'requestPasswordReset',
  'requestEmailVerify', 'requestMobilePhoneVerify', 'requestPasswordResetBySmsCode', 'requestLoginSmsCode',
  'verifyMobilePhone', 'resetPasswordBySmsCode'
])

class Role extends AVObject {
  constructor(name, acl) {
    super('_Role', { name, ACL: acl })
  }

  getName() {
    return this.get('name')
  }

  getUsers() {
    return this.relation('users')
  }

  getRoles() {
    return this.relation('roles')
  }
}
Role._className = '_Role'

class File extends AVObject {
  constructor(name, data, mimeType) {
    super('_File', { name })
    this._data = data
    if (mimeType) this.attributes.mime_type = mimeType
  }

  name() {
    return this.get('name')
  }

  url() {
    return this.get('url')
  }

  metaData(name, value) {
    const data = (this.attributes.metaData ??= {})
    if (value !== undefined) data[name] = value
    return name === undefined ? data : data[name]
  }

  size() {
    return this.metaData('size')
  }

  static withURL(name, url) {
    const file = new File(name)
    file.attributes.url = url
    return file
  }

  static createWithoutData(id) {
    const file = new File()
    file.id = id
    return file
  }
}
File._className = '_File'

class Relation {
  constructor(parent, key) {
    this.parent = parent
    this.key = key
  }

  add() {}
  remove() {}

  query() {
    return new Query(this.targetClassName)
  }

  toJSON() {
    return { __type: 'Relation', className: this.targetClassName }
  }
}

class ACL {
  constructor(user) {
    this.permissionsById = {}
    if (user instanceof User) {
      this.setReadAccess(user, true)
      this.setWriteAccess(user, true)
    } else if (user !== null && typeof user === 'object') Object.assign(this.permissionsById, user)
  }

  _set(kind, who, allowed) {
    const id = who instanceof Role ? `role:${who.getName()}` : who instanceof AVObject ? who.id : who
    const one = (this.permissionsById[id] ??= {})
    if (allowed) one[kind] = true
    else delete one[kind]
  }

  _get(kind, who) {
    const id = who instanceof Role ? `role:${who.getName()}` : who instanceof AVObject ? who.id : who
    return Boolean(this.permissionsById[id]?.[kind])
  }

  toJSON() {
    return { ...this.permissionsById }
  }
}
for (const kind of ['Read', 'Write']) {
  const key = kind.toLowerCase()
  Object.assign(ACL.prototype, {
    [`set${kind}Access`](who, allowed) { this._set(key, who, allowed) },
    [`get${kind}Access`](who) { return this._get(key, who) },
    [`setPublic${kind}Access`](allowed) { this._set(key, '*', allowed) },
    [`getPublic${kind}Access`]() { return this._get(key, '*') },
    [`setRole${kind}Access`](role, allowed) { this._set(key, `role:${role instanceof Role ? role.getName() : role}`, allowed) },
    [`getRole${kind}Access`](role) { return this._get(key, `role:${role instanceof Role ? role.getName() : role}`) }
  })
}

class GeoPoint {
  constructor(first, longitude) {
    const [latitude, other] = Array.isArray(first) ? first : typeof first === 'object' && first ? [first.latitude, first.longitude] : [first, longitude]
    this.latitude = latitude ?? 0
    this.longitude = other ?? 0
  }

  radiansTo(point) {
    const rad = Math.PI / 180
    const lat = Math.sin(((this.latitude - point.latitude) * rad) / 2)
    const lon = Math.sin(((this.longitude - point.longitude) * rad) / 2)
    const part = lat * lat + Math.cos(this.latitude * rad) * Math.cos(point.latitude * rad) * lon * lon
    return 2 * Math.asin(Math.sqrt(Math.min(1, part)))
  }

  kilometersTo(point) {
    return this.radiansTo(point) * 6371
  }

  milesTo(point) {
    return this.radiansTo(point) * 3958.8
  }

  toJSON() {
    return { __type: 'GeoPoint', latitude: this.latitude, longitude: this.longitude }
  }
}

/** Typed JSON of a value. */
function encode(value) {
  if (value instanceof AVObject) return value.id === undefined ? value.toJSON() : value.toPointer()
  if (value instanceof Date) return { __type: 'Date', iso: value.toJSON() }
  if (Array.isArray(value)) return value.map(encode)
  if (value !== null && typeof value === 'object') {
    if (typeof value.toJSON === 'function') return value.toJSON()
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, encode(one)]))
  }
  return value
}

/** The other way: JSON with `__type` into objects. */
function decode(value) {
  if (Array.isArray(value)) return value.map(decode)
  if (value === null || typeof value !== 'object') return value
  const { __type: type, ...rest } = value
  switch (type) {
    case 'Pointer':
    case 'Object':
      return filled(AVObject.createWithoutData(value.className, value.objectId), rest)
    case 'Date':
      return new Date(value.iso)
    case 'GeoPoint':
      return new GeoPoint(value)
    case 'File':
      return filled(new File(value.name), rest)
    case 'Relation':
      return Object.assign(new Relation(), { targetClassName: value.className })
    default:
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, decode(one)]))
  }
}

function filled(object, { className, ...values }) {
  for (const [name, value] of Object.entries(values)) object.set(name, decode(value))
  object._dirty.clear()
  return object
}

registry.readUsersBy(({ sessionToken, ...json }) => {
  const user = filled(new (classes.get('_User') ?? User)(), { className: '_User', ...json })
  user.className = '_User'
  user._sessionToken = sessionToken
  return user
})

class Unoffered {
  constructor(...values) {
    Object.assign(this, values[0] !== null && typeof values[0] === 'object' ? values[0] : {})
  }
}
function unoffered(label, methods, statics = methods) {
  const Class = { [label]: class extends Unoffered {} }[label]
  network(Class.prototype, `AV.${label}.`, methods)
  network(Class, `AV.${label}.`, statics)
  return Class
}

const AVPromise = Object.assign(class AVPromise extends Promise {
  static get [Symbol.species]() {
    return Promise
  }
}, {
  as: (value) => Promise.resolve(value),
  error: (reason) => Promise.reject(reason),
  when: (...all) => Promise.all(all.flat()),
  is: (value) => typeof value?.then === 'function'
})

class AVError extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}
Object.assign(AVError, {
  OTHER_CAUSE: -1, INTERNAL_SERVER_ERROR: 1, CONNECTION_FAILED: 100, OBJECT_NOT_FOUND: 101, INVALID_QUERY: 102,
  INVALID_JSON: 107, OPERATION_FORBIDDEN: 119, CACHE_MISS: 120, TIMEOUT: 124, DUPLICATE_VALUE: 137, SCRIPT_FAILED: 141,
  VALIDATION_ERROR: 142, USERNAME_TAKEN: 202, SESSION_MISSING: 206, USER_NOT_FOUND: 211
})

module.exports = {
  Object: AVObject,
  Query,
  User,
  Role,
  File,
  ACL,
  GeoPoint,
  Relation,
  Error: AVError,
  Promise: AVPromise,
  SearchQuery: class SearchQuery extends Query {},
  SearchSortBuilder: class SearchSortBuilder {},
  FriendShipQuery: class FriendShipQuery extends Query {},
  Installation: AVObject.extend('_Installation'),
  Conversation: unoffered('Conversation', ['save', 'send', 'broadcast']),
  Status: unoffered('Status', ['send', 'destroy'], ['sendStatusToFollowers', 'sendPrivateStatus', 'countUnreadStatuses', 'resetUnreadCount']),
  Leaderboard: unoffered('Leaderboard', ['getResults', 'getResultsAroundUser', 'count'], ['getLeaderboard', 'createLeaderboard', 'updateStatistics', 'getStatistics']),
  Captcha: unoffered('Captcha', ['verify', 'refresh'], ['request']),
  Push: unoffered('Push', [], ['send']),
  Op: { Set: class {}, Unset: class {}, Increment: class {}, Add: class {}, AddUnique: class {}, Remove: class {}, Relation: class {} },
  parseJSON: decode,
  parse: (text) => decode(JSON.parse(text)),
  stringify: (value) => JSON.stringify(encodeFull(value)),
  search: () => refuse('AV.search', why),
  request: () => refuse('AV.request', why),
  fetch: () => refuse('AV.fetch', why)
}

function encodeFull(value) {
  return value instanceof AVObject ? value.toFullJSON() : encode(value)
}
