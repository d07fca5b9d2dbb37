"""The package `redis` as hooks use it, on LeanCache. There is no connection: a URL chooses nothing but the decoding."""

from redis.client import ConnectionPool, Pipeline, Redis, StrictRedis, from_url
from redis.errors import (
    AuthenticationError,
    ConnectionError,
    DataError,
    InvalidResponse,
    RedisError,
    ResponseError,
    TimeoutError,
    WatchError,
)

BlockingConnectionPool = ConnectionPool

__version__ = "5.0.0"

__all__ = [
    "AuthenticationError",
    "BlockingConnectionPool",
    "ConnectionError",
    "ConnectionPool",
    "DataError",
    "InvalidResponse",
    "Pipeline",
    "Redis",
    "RedisError",
    "ResponseError",
    "StrictRedis",
    "TimeoutError",
    "WatchError",
    "from_url",
]
