'use strict';
// AV.Query: conditions can be put, and nothing answers.
const { network } = require('./_network');

class Query {
  constructor(Class) {
    this.className = typeof Class === 'string' ? Class : (Class?._className ?? Class?.name);
    this._where = {};
  }

  static or(...queries) {
    return new this(queries[0]?.className);
  }

  static and(...queries) {
    return new this(queries[0]?.className);
  }
}
for (const name of [
  'equalTo',
  'notEqualTo',
  'lessThan',
  'lessThanOrEqualTo',
  'greaterThan',
  'greaterThanOrEqualTo',
  'containedIn',
  'notContainedIn',
  'containsAll',
  'exists',
  'doesNotExist',
  'matches',
  'contains',
  'startsWith',
  'endsWith',
  'matchesQuery',
  'doesNotMatchQuery',
  'matchesKeyInQuery',
  'doesNotMatchKeyInQuery',
  'near',
  'withinKilometers',
  'withinMiles',
  'withinRadians',
  'withinGeoBox',
  'sizeEqualTo',
  'ascending',
  'addAscending',
  'descending',
  'addDescending',
  'include',
  'includeACL',
  'select',
  'limit',
  'skip',
  'returnCount',
]) {
  Object.defineProperty(Query.prototype, name, {
    value() {
      return this;
    },
    writable: true,
    configurable: true,
  });
}
const asked = ['find', 'first', 'get', 'count', 'destroyAll', 'findAndCount', 'each', 'scan', 'subscribe'];
network(Query.prototype, 'AV.Query.', asked);
network(Query, 'AV.Query.', ['doCloudQuery']);

module.exports = Query;
