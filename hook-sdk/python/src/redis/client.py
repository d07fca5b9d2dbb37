"""`Redis` and its pipelines."""

from urllib.parse import parse_qs, urlsplit

from redis.commands import Commands
from redis.errors import RedisError, ResponseError, WatchError
from redis.replies import shape
from redis.wire import send


class ConnectionPool:
    """Exists for code that makes one; nothing is pooled."""

    def __init__(self, *arguments, **options):
        self.connection_kwargs = options

    @classmethod
    def from_url(cls, url, **options):
        return cls(**{**options_of(url), **options})

    def disconnect(self, *arguments, **options):
        pass


def options_of(url):
    """The options in a URL that mean something here."""
    if urlsplit(url or "").scheme not in ("redis", "rediss", "unix"):
        raise ValueError("Redis URL must specify one of the following schemes (redis://, rediss://, unix://)")
    query = parse_qs(urlsplit(url).query)
    decode = query.get("decode_responses", ["false"])[0].lower() in ("true", "1", "yes")
    return {"decode_responses": decode}


class Redis(Commands):
    """A client of the app's LeanCache."""

    def __init__(self, host="localhost", port=6379, db=0, *arguments, connection_pool=None, **options):
        options = {**getattr(connection_pool, "connection_kwargs", {}), **options}
        self.connection_pool = connection_pool or ConnectionPool(**options)
        self.decode_responses = bool(options.get("decode_responses", False))
        self.encoding = options.get("encoding", "utf-8")
        self.encoding_errors = options.get("encoding_errors", "strict")

    @classmethod
    def from_url(cls, url, **options):
        # LeanEngine gives no variable to a project without an instance; its client then asks its own machine.
        return cls(**{**(options_of(url) if url else {}), **options})

    def execute_command(self, *command, **options):
        reply = send([command])[0]
        return self._value(command, reply, options)

    def _value(self, command, reply, options):
        if isinstance(reply, ResponseError):
            raise reply
        return shape(command, reply, self._decode, options)

    def _decode(self, data):
        if self.decode_responses and isinstance(data, bytes):
            return data.decode(self.encoding, self.encoding_errors)
        return data

    def pipeline(self, transaction=True, shard_hint=None):
        """Commands that are sent together. It is no transaction: commands of other calls may come in between."""
        return Pipeline(self)

    def transaction(self, function, *watches, **options):
        if watches:
            raise WatchError("LeanCache can watch no keys")
        pipeline = self.pipeline()
        function(pipeline)
        return pipeline.execute()

    def ping(self, **options):
        """Answers without asking: there is no connection."""
        return True

    def close(self):
        """There is nothing to close."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __repr__(self):
        return f"<{type(self).__name__}: LeanCache>"

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        # The engine says why it is not offered, and what to do instead.
        return lambda *arguments, **options: self.execute_command(name.upper(), *arguments)


StrictRedis = Redis


class Pipeline(Redis):
    """Keeps commands until `execute`."""

    def __init__(self, client):
        super().__init__(connection_pool=client.connection_pool)
        self.command_stack = []

    def execute_command(self, *command, **options):
        self.command_stack.append((command, options))
        return self

    def multi(self):
        pass

    def watch(self, *names):
        raise WatchError("LeanCache can watch no keys")

    def unwatch(self):
        pass

    def reset(self):
        self.command_stack = []

    close = reset

    def __len__(self):
        return len(self.command_stack)

    def __bool__(self):
        return True

    def execute(self, raise_on_error=True):
        """Sends the commands and answers their values in their order."""
        stack, self.command_stack = self.command_stack, []
        if not stack:
            return []
        values = []
        for (command, options), reply in zip(stack, send([command for command, _ in stack])):
            try:
                values.append(self._value(command, reply, options))
            except RedisError as error:
                values.append(error)
        first = next((value for value in values if isinstance(value, RedisError)), None)
        if raise_on_error and first is not None:
            raise first
        return values


def from_url(url, **options):
    """A client for the URL of an instance, as in `REDIS_URL_<name>`."""
    return Redis.from_url(url, **options)
