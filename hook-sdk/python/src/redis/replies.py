"""What the package makes of replies: sets, dictionaries, numbers and truth values."""


def shape(command, reply, decode, options):
    """The value of a reply."""
    shaper = SHAPERS.get(str(command[0]).upper())
    value = decoded(reply, decode)
    if shaper is None:
        return value
    return shaper(command, value, options)


def decoded(value, decode):
    if isinstance(value, list):
        return [decoded(each, decode) for each in value]
    return decode(value)


def truth(command, value, options):
    return bool(value)


def is_ok(command, value, options):
    return value in ("OK", b"OK")


def set_reply(command, value, options):
    # With GET the old value; else whether it was set.
    if options.get("get"):
        return value
    return True if is_ok(command, value, options) else None


def as_set(command, value, options):
    return set(value) if isinstance(value, list) else value


def as_dictionary(command, value, options):
    return dict(zip(value[::2], value[1::2]))


def as_float(command, value, options):
    return None if value is None else float(value)


def floats(command, value, options):
    return [None if each is None else float(each) for each in value]


def truths(command, value, options):
    return [bool(each) for each in value]


def with_scores(command, value, options):
    if not options.get("withscores"):
        return value
    cast = options.get("score_cast_func") or float
    return [(member, cast(score)) for member, score in zip(value[::2], value[1::2])]


def zadd_reply(command, value, options):
    return as_float(command, value, options) if options.get("incr") else value


def always_with_scores(command, value, options):
    return with_scores(command, value, {"withscores": True})


SHAPERS = {
    "SET": set_reply,
    "ZADD": zadd_reply,
    "HGETALL": as_dictionary,
    **dict.fromkeys(["SETEX", "PSETEX", "MSET", "LSET", "LTRIM", "RENAME", "HMSET"], is_ok),
    **dict.fromkeys(["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST", "SETNX", "MSETNX", "RENAMENX"], truth),
    **dict.fromkeys(["HEXISTS", "SMOVE"], truth),
    **dict.fromkeys(["SMEMBERS", "SUNION", "SINTER", "SDIFF"], as_set),
    **dict.fromkeys(["ZSCORE", "ZINCRBY", "INCRBYFLOAT", "HINCRBYFLOAT"], as_float),
    **dict.fromkeys(["ZMSCORE"], floats),
    **dict.fromkeys(["ZRANGE", "ZREVRANGE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE"], with_scores),
    **dict.fromkeys(["ZPOPMIN", "ZPOPMAX"], always_with_scores),
}
