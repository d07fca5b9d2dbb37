"""Under the name of the vendor's module."""

from redis.errors import *
from redis.errors import AuthenticationError, ConnectionError, DataError, RedisError, ResponseError, TimeoutError, WatchError
