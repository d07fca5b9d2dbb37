"""Commands as words, and replies as values."""

from componentize_py_types import Err
from wit_world.imports import leancache
from wit_world.imports.leancache import (
    Failure_Unavailable,
    Part_Array,
    Part_Bulk,
    Part_Error,
    Part_Integer,
    Part_Nil,
    Part_Status,
)

from redis.errors import ConnectionError, DataError, ResponseError


def word(value):
    """A part of a command as bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, bool) or value is None:
        raise DataError(f"Invalid input of type: '{type(value).__name__}'. Convert to a bytes, string, int or float first.")
    if isinstance(value, (int, float)):
        return repr(value).encode()
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    raise DataError(f"Invalid input of type: '{type(value).__name__}'. Convert to a bytes, string, int or float first.")


def send(commands):
    """Carries commands out; answers their replies, in which an error is a value."""
    try:
        parts = leancache.pipeline([[word(value) for value in command] for command in commands])
    except Err as error:
        failure = error.value
        kind = ConnectionError if isinstance(failure, Failure_Unavailable) else ResponseError
        raise kind(failure.value) from None
    parts = iter(parts)
    return [value_of(next(parts), parts) for _ in commands]


def value_of(part, parts):
    """One reply, with the parts of an array after it."""
    if isinstance(part, Part_Bulk):
        return part.value
    if isinstance(part, Part_Integer):
        return part.value
    if isinstance(part, Part_Status):
        return part.value.encode()
    if isinstance(part, Part_Nil):
        return None
    if isinstance(part, Part_Array):
        return [value_of(next(parts), parts) for _ in range(part.value)]
    assert isinstance(part, Part_Error)
    return ResponseError(part.value.removeprefix("ERR "))
