"""Errors of commands."""


class RedisError(Exception):
    """Every error of this package."""


class ConnectionError(RedisError):
    """Nothing was answered."""


class TimeoutError(RedisError):
    """Nothing was answered in time."""


class AuthenticationError(ConnectionError):
    """Never raised: the engine knows the app."""


class InvalidResponse(RedisError):
    """Never raised."""


class ResponseError(RedisError):
    """The command failed, or is not offered."""


class DataError(RedisError):
    """A value that cannot be sent."""


class WatchError(RedisError):
    """Never raised: nothing can be watched."""
