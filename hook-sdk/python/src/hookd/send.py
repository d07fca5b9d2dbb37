"""One HTTP request through the engine, which lets it through if the app allows the host."""

from urllib.parse import urlsplit

from componentize_py_types import Err, Ok
from wit_world.imports import outgoing_handler, types
from wit_world.imports.streams import StreamError_Closed

# What the stream takes at once.
WRITE_BYTES = 4096
READ_BYTES = 64 * 1024

METHODS = {
    "GET": types.Method_Get,
    "HEAD": types.Method_Head,
    "POST": types.Method_Post,
    "PUT": types.Method_Put,
    "DELETE": types.Method_Delete,
    "OPTIONS": types.Method_Options,
    "PATCH": types.Method_Patch,
}

TIMED_OUT = (
    types.ErrorCode_DnsTimeout,
    types.ErrorCode_ConnectionTimeout,
    types.ErrorCode_ConnectionReadTimeout,
    types.ErrorCode_ConnectionWriteTimeout,
    types.ErrorCode_HttpResponseTimeout,
)


class SendError(OSError):
    """There is no response; the text says why and what to do."""


class SendTimeout(SendError, TimeoutError):
    """There was no response in time."""


class BadRequest(SendError):
    """The request cannot be sent."""


class Answer:
    """A whole response."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


def send(method, url, headers, body, timeout=None):
    """Sends a request and reads the whole response. `headers` is a list of pairs, `timeout` in seconds."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadRequest(f"`{url}` is no URL of HTTP")
    host = parts.netloc.rpartition("@")[2]
    request = outgoing(method, parts, headers, body)
    sent_body = request.body() if body else None
    try:
        future = outgoing_handler.handle(request, options(timeout))
    except Err as error:
        raise problem(error.value, host) from None
    with future:
        if sent_body is not None:
            write(sent_body, body)
        with future.subscribe() as ready:
            ready.block()
        got = future.get()
        result = got.value if isinstance(got, Ok) else got
        if not isinstance(result, Ok):
            raise problem(getattr(result, "value", None), host)
        return read(result.value, host)


def outgoing(method, parts, headers, body):
    fields = types.Fields()
    if body and not any(name.lower() == "content-length" for name, _ in headers):
        headers = [*headers, ("Content-Length", str(len(body)))]
    for name, value in headers:
        try:
            fields.append(name, value if isinstance(value, bytes) else str(value).encode("utf-8"))
        except Err:
            raise BadRequest(f"the header `{name}` cannot be sent") from None
    request = types.OutgoingRequest(fields)
    kind = METHODS.get(method.upper())
    scheme = types.Scheme_Https() if parts.scheme == "https" else types.Scheme_Http()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        request.set_method(kind() if kind else types.Method_Other(method))
        request.set_scheme(scheme)
        request.set_authority(parts.netloc.rpartition("@")[2])
        request.set_path_with_query(path)
    except Err:
        raise BadRequest(f"`{method} {parts.geturl()}` cannot be sent") from None
    return request


def options(timeout):
    if timeout is None:
        return None
    chosen = types.RequestOptions()
    nanoseconds = max(int(timeout * 1_000_000_000), 1)
    for setting in (chosen.set_connect_timeout, chosen.set_first_byte_timeout, chosen.set_between_bytes_timeout):
        try:
            setting(nanoseconds)
        except Err:
            # The deadline of the call bounds the request anyway.
            pass
    return chosen


def write(outgoing_body, body):
    try:
        with outgoing_body.write() as stream:
            for start in range(0, len(body), WRITE_BYTES):
                stream.blocking_write_and_flush(body[start : start + WRITE_BYTES])
        types.OutgoingBody.finish(outgoing_body, None)
    except Err:
        # When the host has given the request up, its answer says why.
        pass


def read(response, host):
    with response:
        status = response.status()
        with response.headers() as fields:
            headers = [(name, value.decode("latin-1")) for name, value in fields.entries()]
        with response.consume() as incoming, incoming.stream() as stream:
            return Answer(status, headers, read_all(stream, host))


def read_all(stream, host):
    pieces = []
    while True:
        try:
            pieces.append(stream.blocking_read(READ_BYTES))
        except Err as error:
            if isinstance(error.value, StreamError_Closed):
                return b"".join(pieces)
            with error.value.value as cause:
                code = types.http_error_code(cause)
                raise problem(code or types.ErrorCode_InternalError(cause.to_debug_string()), host) from None


def problem(code, host):
    """The error for a code of the engine."""
    if isinstance(code, types.ErrorCode_HttpRequestDenied):
        return SendError(f"host `{host}` is not allowed; allow it with `hookd settings --allow-host {host}`")
    if isinstance(code, types.ErrorCode_DestinationIpProhibited):
        return SendError(
            f"`{host}` has an address that is not public; the operator opens a network with "
            "`hookd up --allow-private-egress`"
        )
    if isinstance(code, types.ErrorCode_DnsError):
        return SendError(f"the name `{host}` cannot be resolved: {code.value.rcode or ''}")
    if isinstance(code, TIMED_OUT):
        return SendTimeout(f"`{host}` did not answer in time")
    if isinstance(code, types.ErrorCode_InternalError):
        text = code.value or ""
        if "the call's limit" in text:
            return SendError(text[text.index("the call's limit") :].splitlines()[0])
        if "timeout" in text:
            return SendTimeout(f"`{host}` did not answer in time")
        return SendError(f"the request to `{host}` failed: {text}")
    words = type(code).__name__.removeprefix("ErrorCode_") if code is not None else "the engine gave no answer"
    return SendError(f"the request to `{host}` failed: {words}")
