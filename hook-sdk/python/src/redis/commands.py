"""The commands of LeanCache as methods, with the arguments of the vendor's package."""

import datetime

from redis.errors import DataError


def flat(first, others=()):
    """Several names in one list, or each alone."""
    listed = list(first) if isinstance(first, (list, tuple, set)) else [first]
    return [*listed, *others]


def seconds(time):
    return int(time.total_seconds()) if isinstance(time, datetime.timedelta) else time


def milliseconds(time):
    return int(time.total_seconds() * 1000) if isinstance(time, datetime.timedelta) else time


def moment(when):
    return int(when.timestamp()) if isinstance(when, datetime.datetime) else when


def moment_in_milliseconds(when):
    return int(when.timestamp() * 1000) if isinstance(when, datetime.datetime) else when


def flags(**given):
    """The words of the options that are set."""
    return [name.upper() for name, is_set in given.items() if is_set]


class Keys:
    """Of any type."""

    def delete(self, *names):
        return self.execute_command("DEL", *names)

    def unlink(self, *names):
        return self.execute_command("UNLINK", *names)

    def exists(self, *names):
        return self.execute_command("EXISTS", *names)

    def type(self, name):
        return self.execute_command("TYPE", name)

    def expire(self, name, time, nx=False, xx=False, gt=False, lt=False):
        return self.execute_command("EXPIRE", name, seconds(time), *flags(nx=nx, xx=xx, gt=gt, lt=lt))

    def pexpire(self, name, time, nx=False, xx=False, gt=False, lt=False):
        return self.execute_command("PEXPIRE", name, milliseconds(time), *flags(nx=nx, xx=xx, gt=gt, lt=lt))

    def expireat(self, name, when, nx=False, xx=False, gt=False, lt=False):
        return self.execute_command("EXPIREAT", name, moment(when), *flags(nx=nx, xx=xx, gt=gt, lt=lt))

    def pexpireat(self, name, when, nx=False, xx=False, gt=False, lt=False):
        when = moment_in_milliseconds(when)
        return self.execute_command("PEXPIREAT", name, when, *flags(nx=nx, xx=xx, gt=gt, lt=lt))

    def ttl(self, name):
        return self.execute_command("TTL", name)

    def pttl(self, name):
        return self.execute_command("PTTL", name)

    def persist(self, name):
        return self.execute_command("PERSIST", name)

    def rename(self, src, dst):
        return self.execute_command("RENAME", src, dst)

    def renamenx(self, src, dst):
        return self.execute_command("RENAMENX", src, dst)

    def __delitem__(self, name):
        self.delete(name)

    def __contains__(self, name):
        return bool(self.exists(name))


class Strings:
    """One value for each key."""

    def get(self, name):
        return self.execute_command("GET", name)

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def set(
        self, name, value, ex=None, px=None, nx=False, xx=False, keepttl=False, get=False, exat=None, pxat=None
    ):
        words = ["SET", name, value]
        for option, given in (
            ("EX", seconds(ex)),
            ("PX", milliseconds(px)),
            ("EXAT", moment(exat)),
            ("PXAT", moment_in_milliseconds(pxat)),
        ):
            if given is not None:
                words += [option, given]
        return self.execute_command(*words, *flags(keepttl=keepttl, nx=nx, xx=xx, get=get), get=get)

    def __setitem__(self, name, value):
        self.set(name, value)

    def setnx(self, name, value):
        return self.execute_command("SETNX", name, value)

    def setex(self, name, time, value):
        return self.execute_command("SETEX", name, seconds(time), value)

    def psetex(self, name, time_ms, value):
        return self.execute_command("PSETEX", name, milliseconds(time_ms), value)

    def getset(self, name, value):
        return self.execute_command("GETSET", name, value)

    def getdel(self, name):
        return self.execute_command("GETDEL", name)

    def getex(self, name, ex=None, px=None, exat=None, pxat=None, persist=False):
        words = ["GETEX", name]
        for option, given in (
            ("EX", seconds(ex)),
            ("PX", milliseconds(px)),
            ("EXAT", moment(exat)),
            ("PXAT", moment_in_milliseconds(pxat)),
        ):
            if given is not None:
                words += [option, given]
        return self.execute_command(*words, *flags(persist=persist))

    def mget(self, keys, *args):
        return self.execute_command("MGET", *flat(keys, args))

    def mset(self, mapping):
        return self.execute_command("MSET", *[word for pair in mapping.items() for word in pair])

    def msetnx(self, mapping):
        return self.execute_command("MSETNX", *[word for pair in mapping.items() for word in pair])

    def incr(self, name, amount=1):
        return self.execute_command("INCRBY", name, amount)

    incrby = incr

    def decr(self, name, amount=1):
        return self.execute_command("DECRBY", name, amount)

    decrby = decr

    def incrbyfloat(self, name, amount=1.0):
        return self.execute_command("INCRBYFLOAT", name, amount)

    def append(self, key, value):
        return self.execute_command("APPEND", key, value)

    def strlen(self, name):
        return self.execute_command("STRLEN", name)

    def getrange(self, key, start, end):
        return self.execute_command("GETRANGE", key, start, end)

    substr = getrange


class Hashes:
    """Fields of a key."""

    def hset(self, name, key=None, value=None, mapping=None, items=None):
        words = [] if key is None else [key, value]
        words += [word for pair in (mapping or {}).items() for word in pair]
        words += items or []
        if not words:
            raise DataError("'hset' with no key value pairs")
        return self.execute_command("HSET", name, *words)

    def hsetnx(self, name, key, value):
        return self.execute_command("HSETNX", name, key, value)

    def hmset(self, name, mapping):
        if not mapping:
            raise DataError("'hmset' with 'mapping' of length 0")
        return self.execute_command("HMSET", name, *[word for pair in mapping.items() for word in pair])

    def hget(self, name, key):
        return self.execute_command("HGET", name, key)

    def hmget(self, name, keys, *args):
        return self.execute_command("HMGET", name, *flat(keys, args))

    def hgetall(self, name):
        return self.execute_command("HGETALL", name)

    def hkeys(self, name):
        return self.execute_command("HKEYS", name)

    def hvals(self, name):
        return self.execute_command("HVALS", name)

    def hdel(self, name, *keys):
        return self.execute_command("HDEL", name, *keys)

    def hexists(self, name, key):
        return self.execute_command("HEXISTS", name, key)

    def hlen(self, name):
        return self.execute_command("HLEN", name)

    def hstrlen(self, name, key):
        return self.execute_command("HSTRLEN", name, key)

    def hincrby(self, name, key, amount=1):
        return self.execute_command("HINCRBY", name, key, amount)

    def hincrbyfloat(self, name, key, amount=1.0):
        return self.execute_command("HINCRBYFLOAT", name, key, amount)


class Lists:
    """Values in an order."""

    def lpush(self, name, *values):
        return self.execute_command("LPUSH", name, *values)

    def rpush(self, name, *values):
        return self.execute_command("RPUSH", name, *values)

    def lpushx(self, name, *values):
        return self.execute_command("LPUSHX", name, *values)

    def rpushx(self, name, *values):
        return self.execute_command("RPUSHX", name, *values)

    def lpop(self, name, count=None):
        return self.execute_command("LPOP", name, *([] if count is None else [count]))

    def rpop(self, name, count=None):
        return self.execute_command("RPOP", name, *([] if count is None else [count]))

    def llen(self, name):
        return self.execute_command("LLEN", name)

    def lrange(self, name, start, end):
        return self.execute_command("LRANGE", name, start, end)

    def lindex(self, name, index):
        return self.execute_command("LINDEX", name, index)

    def lset(self, name, index, value):
        return self.execute_command("LSET", name, index, value)

    def linsert(self, name, where, refvalue, value):
        return self.execute_command("LINSERT", name, where, refvalue, value)

    def lrem(self, name, count, value):
        return self.execute_command("LREM", name, count, value)

    def ltrim(self, name, start, end):
        return self.execute_command("LTRIM", name, start, end)

    def rpoplpush(self, src, dst):
        return self.execute_command("RPOPLPUSH", src, dst)

    def lmove(self, first_list, second_list, src="LEFT", dest="RIGHT"):
        return self.execute_command("LMOVE", first_list, second_list, src, dest)


class Sets:
    """Different values."""

    def sadd(self, name, *values):
        return self.execute_command("SADD", name, *values)

    def srem(self, name, *values):
        return self.execute_command("SREM", name, *values)

    def scard(self, name):
        return self.execute_command("SCARD", name)

    def sismember(self, name, value):
        return self.execute_command("SISMEMBER", name, value)

    def smismember(self, name, values, *args):
        return self.execute_command("SMISMEMBER", name, *flat(values, args))

    def smembers(self, name):
        return self.execute_command("SMEMBERS", name)

    def spop(self, name, count=None):
        return self.execute_command("SPOP", name, *([] if count is None else [count]))

    def srandmember(self, name, number=None):
        return self.execute_command("SRANDMEMBER", name, *([] if number is None else [number]))

    def smove(self, src, dst, value):
        return self.execute_command("SMOVE", src, dst, value)

    def sunion(self, keys, *args):
        return self.execute_command("SUNION", *flat(keys, args))

    def sinter(self, keys, *args):
        return self.execute_command("SINTER", *flat(keys, args))

    def sdiff(self, keys, *args):
        return self.execute_command("SDIFF", *flat(keys, args))

    def sunionstore(self, dest, keys, *args):
        return self.execute_command("SUNIONSTORE", dest, *flat(keys, args))

    def sinterstore(self, dest, keys, *args):
        return self.execute_command("SINTERSTORE", dest, *flat(keys, args))

    def sdiffstore(self, dest, keys, *args):
        return self.execute_command("SDIFFSTORE", dest, *flat(keys, args))


class SortedSets:
    """Different values, ordered by their scores."""

    def zadd(self, name, mapping, nx=False, xx=False, ch=False, incr=False, gt=False, lt=False):
        if not mapping:
            raise DataError("ZADD requires at least one element/score pair")
        words = [word for member, score in mapping.items() for word in (score, member)]
        options = flags(nx=nx, xx=xx, gt=gt, lt=lt, ch=ch, incr=incr)
        return self.execute_command("ZADD", name, *options, *words, incr=incr)

    def zincrby(self, name, amount, value):
        return self.execute_command("ZINCRBY", name, amount, value)

    def zrem(self, name, *values):
        return self.execute_command("ZREM", name, *values)

    def zscore(self, name, value):
        return self.execute_command("ZSCORE", name, value)

    def zmscore(self, key, members):
        return self.execute_command("ZMSCORE", key, *members)

    def zcard(self, name):
        return self.execute_command("ZCARD", name)

    def zcount(self, name, min, max):
        return self.execute_command("ZCOUNT", name, min, max)

    def zrank(self, name, value):
        return self.execute_command("ZRANK", name, value)

    def zrevrank(self, name, value):
        return self.execute_command("ZREVRANK", name, value)

    def zrange(
        self,
        name,
        start,
        end,
        desc=False,
        withscores=False,
        score_cast_func=float,
        byscore=False,
        bylex=False,
        offset=None,
        num=None,
    ):
        words = flags(byscore=byscore, bylex=bylex, rev=desc)
        return self._range("ZRANGE", name, [start, end, *words], withscores, score_cast_func, offset, num)

    def zrevrange(self, name, start, end, withscores=False, score_cast_func=float):
        return self._range("ZREVRANGE", name, [start, end], withscores, score_cast_func)

    def zrangebyscore(self, name, min, max, start=None, num=None, withscores=False, score_cast_func=float):
        return self._range("ZRANGEBYSCORE", name, [min, max], withscores, score_cast_func, start, num)

    def zrevrangebyscore(self, name, max, min, start=None, num=None, withscores=False, score_cast_func=float):
        return self._range("ZREVRANGEBYSCORE", name, [max, min], withscores, score_cast_func, start, num)

    def _range(self, command, name, words, withscores, score_cast_func, offset=None, count=None):
        if (offset is None) != (count is None):
            raise DataError("the start and the number of a range must both be given")
        if offset is not None:
            words = [*words, "LIMIT", offset, count]
        words = [*words, *flags(withscores=withscores)]
        return self.execute_command(
            command, name, *words, withscores=withscores, score_cast_func=score_cast_func
        )

    def zremrangebyrank(self, name, min, max):
        return self.execute_command("ZREMRANGEBYRANK", name, min, max)

    def zremrangebyscore(self, name, min, max):
        return self.execute_command("ZREMRANGEBYSCORE", name, min, max)

    def zpopmin(self, name, count=None):
        return self.execute_command("ZPOPMIN", name, *([] if count is None else [count]))

    def zpopmax(self, name, count=None):
        return self.execute_command("ZPOPMAX", name, *([] if count is None else [count]))


class Commands(Keys, Strings, Hashes, Lists, Sets, SortedSets):
    """All of them."""
