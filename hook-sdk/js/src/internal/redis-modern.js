'use strict';
// Arguments and replies of version 4 of the package `redis`.

/** Where the capital letters of a name stand, such as `hGetAll`. */
const camel = Object.fromEntries(
  (
    'hGetAll hGet hSet hSetNX hDel hExists hIncrBy hIncrByFloat hKeys hLen hmGet hRandField hScan hStrLen hVals hmSet mGet mSet mSetNX ' +
    'pSetEx setEx setNX setRange setBit getRange getSet getDel getEx getBit strLen incrBy incrByFloat decrBy expireAt pExpire ' +
    'pExpireAt pTTL expireTime pExpireTime renameNX lIndex lInsert lLen lMove lmPop lPop lPos lPush lPushX lRange lRem lSet lTrim rPop rPopLPush ' +
    'rPush rPushX sAdd sCard sDiff sDiffStore sInter sInterCard sInterStore sIsMember sMembers smIsMember sMove sPop sRandMember ' +
    'sRem sScan sUnion sUnionStore zAdd zCard zCount zDiff zDiffStore zIncrBy zInter zInterCard zInterStore zLexCount zmPop zmScore zPopMax ' +
    'zPopMin zRandMember zRange zRangeByLex zRangeByScore zRangeStore zRank zRem zRemRangeByLex zRemRangeByRank ' +
    'zRemRangeByScore zRevRange zRevRank zScan zScore zUnion zUnionStore bitCount bitOp bitPos bitField geoAdd geoDist geoHash geoPos ' +
    'geoSearch geoSearchStore pfAdd pfCount pfMerge pSubscribe pUnsubscribe flushAll flushDb dbSize randomKey blPop brPop evalSha xAdd ' +
    'xRead xRange xLen xDel'
  )
    .split(' ')
    .map((name) => [name.toLowerCase(), name]),
);

const camelCase = (name) => camel[name] ?? name;

/** Names of options that take a value, and of those that take none. */
const valued = new Set(['EX', 'PX', 'EXAT', 'PXAT', 'MATCH', 'COUNT', 'WEIGHTS', 'AGGREGATE', 'RANK', 'MAXLEN', 'BY']);
const flags = new Set(['NX', 'XX', 'GT', 'LT', 'CH', 'INCR', 'GET', 'KEEPTTL', 'REV', 'PERSIST']);

function isOptions(value) {
  return (
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Date) &&
    !(value instanceof Map)
  );
}

function optionWords(options) {
  const words = [];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === false) continue;
    if (name === 'LIMIT') words.push('LIMIT', value.offset, value.count);
    else if (name === 'condition' || name === 'comparison') words.push(value);
    else if (name === 'expiration')
      words.push(
        ...(typeof value === 'string' ? [value] : value.value === undefined ? [value.type] : [value.type, value.value]),
      );
    else if (name === 'BY') words.push(value === 'SCORE' ? 'BYSCORE' : value === 'LEX' ? 'BYLEX' : value);
    else if (flags.has(name)) words.push(name);
    else if (valued.has(name)) words.push(name, ...[].concat(value));
    else words.push(name.toUpperCase(), ...(value === true ? [] : [].concat(value)));
  }
  return words;
}

const member = ({ score, value }) => [score, value];

/** A command of version 4 as Redis has it. */
function words(name, given) {
  given = given.filter((one) => one !== undefined);
  switch (name) {
    case 'hset':
    case 'hmset': {
      const [key, fields] = given;
      if (given.length !== 2) break;
      if (fields instanceof Map) return [name, key, ...[...fields].flat()];
      if (Array.isArray(fields)) return [name, key, ...fields.flat(Infinity)];
      return [name, key, ...Object.entries(fields).flat()];
    }
    case 'mset':
    case 'msetnx':
      return [name, ...(Array.isArray(given[0]) ? given[0].flat(Infinity) : Object.entries(given[0]).flat())];
    case 'zadd': {
      const [key, members, options] = given;
      if (typeof members !== 'object') break;
      return [name, key, ...optionWords(options ?? {}), ...[].concat(members).flatMap(member)];
    }
    case 'zinterstore':
    case 'zunionstore': {
      const keys = [].concat(given[1]);
      return [
        name,
        given[0],
        keys.length,
        ...keys.map((one) => one.key ?? one),
        ...(isOptions(given[2]) ? optionWords(given[2]) : []),
      ];
    }
    case 'zunion':
    case 'zinter':
    case 'zdiff':
    case 'sintercard': {
      const keys = [].concat(given[0]);
      return [name, keys.length, ...keys, ...given.slice(1)];
    }
  }
  const last = given[given.length - 1];
  const options = isOptions(last) ? optionWords(given.pop()) : [];
  const plain = given
    .flat(Infinity)
    .map((one) =>
      one instanceof Date ? (name.startsWith('p') ? one.getTime() : Math.floor(one.getTime() / 1000)) : one,
    );
  return [name, ...plain, ...options];
}

/** Whether a call under a name of both versions is one of version 4. */
function looksModern(name, given) {
  if (name === 'hset' || name === 'hmset' || given.length === 0) return false;
  return isOptions(given[given.length - 1]) && !Object.hasOwn(camel, name);
}

function toObject(list) {
  const object = Object.create(null);
  for (let at = 0; at < list.length; at += 2) object[list[at]] = list[at + 1];
  return { ...object };
}

const score = (text) => (text === null ? null : text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text));
const booleans = new Set([
  'expire',
  'pexpire',
  'expireat',
  'pexpireat',
  'persist',
  'hexists',
  'hsetnx',
  'sismember',
  'smove',
  'setnx',
  'msetnx',
  'renamenx',
  'copy',
  'move',
]);

function scored(list) {
  const found = [];
  for (let at = 0; at < list.length; at += 2) found.push({ value: list[at], score: score(list[at + 1]) });
  return found;
}

/** A reply of Redis as version 4 gives it. */
function reply(name, value) {
  if (booleans.has(name)) return value === null ? value : Boolean(value);
  if (name === 'hgetall') return toObject(value);
  if (name === 'smismember') return value.map(Boolean);
  if (name === 'zscore' || name === 'zincrby') return score(value);
  if (name === 'zmscore') return value.map(score);
  if (name === 'zpopmin' || name === 'zpopmax') return scored(value)[0] ?? null;
  if (name === 'hscan') return { cursor: Number(value[0]), tuples: scanned(name, value[1]) };
  if (name === 'sscan' || name === 'zscan') return { cursor: Number(value[0]), members: scanned(name, value[1]) };
  return value;
}

function scanned(name, items) {
  if (name === 'sscan') return items;
  if (name === 'zscan') return scored(items);
  const found = [];
  for (let at = 0; at < items.length; at += 2) found.push({ field: items[at], value: items[at + 1] });
  return found;
}

/** Methods that are a command with one more word and a reply of their own. */
const variants = {};
for (const name of ['zRange', 'zRangeByScore', 'zInter', 'zUnion', 'zDiff', 'zRandMember']) {
  variants[`${name}WithScores`] = [
    name.toLowerCase(),
    {
      words(given) {
        const options = isOptions(given[given.length - 1]) ? [given.pop()] : [];
        return [...given, ...options.flatMap(optionWords), 'WITHSCORES'];
      },
      reply: scored,
    },
  ];
}
for (const [name, command] of [
  ['lPopCount', 'lpop'],
  ['rPopCount', 'rpop'],
  ['zPopMinCount', 'zpopmin'],
  ['zPopMaxCount', 'zpopmax'],
  ['sRandMemberCount', 'srandmember'],
  ['hRandFieldCount', 'hrandfield'],
]) {
  variants[name] = [command, { words: (given) => given, reply: command.startsWith('z') ? scored : (value) => value }];
}

module.exports = { camelCase, looksModern, reply, scanned, toObject, variants, words };
