'use strict';
// The object storage's classes. They hold values in memory; what would ask the storage rejects.
const registry = require('internal:registry');
const { storage: why } = require('internal:unsupported');
const { unoffered } = require('./_network');
const { AVObject, Relation, classes } = require('./_object');
const Query = require('./_query');
const { refuse } = require('./_refusal');
const { GeoPoint, decode, encodeFull, filled } = require('./_typed');
const { ACL, File, Role, User } = require('./_user');

registry.readUsersBy(({ sessionToken, ...json }) => {
  const user = filled(new (classes.get('_User') ?? User)(), { className: '_User', ...json });
  user.className = '_User';
  user._sessionToken = sessionToken;
  return user;
});

const AVPromise = Object.assign(
  class AVPromise extends Promise {
    static get [Symbol.species]() {
      return Promise;
    }
  },
  {
    as: (value) => Promise.resolve(value),
    error: (reason) => Promise.reject(reason),
    when: (...all) => Promise.all(all.flat()),
    is: (value) => typeof value?.then === 'function',
  },
);

class AVError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
Object.assign(AVError, {
  OTHER_CAUSE: -1,
  INTERNAL_SERVER_ERROR: 1,
  CONNECTION_FAILED: 100,
  OBJECT_NOT_FOUND: 101,
  INVALID_QUERY: 102,
  INVALID_JSON: 107,
  OPERATION_FORBIDDEN: 119,
  CACHE_MISS: 120,
  TIMEOUT: 124,
  DUPLICATE_VALUE: 137,
  SCRIPT_FAILED: 141,
  VALIDATION_ERROR: 142,
  USERNAME_TAKEN: 202,
  SESSION_MISSING: 206,
  USER_NOT_FOUND: 211,
});

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
  Status: unoffered(
    'Status',
    ['send', 'destroy'],
    ['sendStatusToFollowers', 'sendPrivateStatus', 'countUnreadStatuses', 'resetUnreadCount'],
  ),
  Leaderboard: unoffered(
    'Leaderboard',
    ['getResults', 'getResultsAroundUser', 'count'],
    ['getLeaderboard', 'createLeaderboard', 'updateStatistics', 'getStatistics'],
  ),
  Captcha: unoffered('Captcha', ['verify', 'refresh'], ['request']),
  Push: unoffered('Push', [], ['send']),
  Op: {
    Set: class {},
    Unset: class {},
    Increment: class {},
    Add: class {},
    AddUnique: class {},
    Remove: class {},
    Relation: class {},
  },
  parseJSON: decode,
  parse: (text) => decode(JSON.parse(text)),
  stringify: (value) => JSON.stringify(encodeFull(value)),
  search: () => refuse('AV.search', why),
  request: () => refuse('AV.request', why),
  fetch: () => refuse('AV.fetch', why),
};
