"""`http.client` on the engine's requests. `urllib.request` and what stands on it use these classes."""

import http.client
import io
import sys

from hookd.send import send


class Response(io.BytesIO):
    """A whole response, read as if it came bit by bit."""

    version = 11
    debuglevel = 0
    will_close = True

    def __init__(self, answer, method):
        super().__init__(b"" if method == "HEAD" else answer.body)
        self.status = self.code = answer.status
        self.reason = http.client.responses.get(answer.status, "")
        self.headers = self.msg = http.client.HTTPMessage()
        self.length = len(answer.body)
        self.chunked = False
        for name, value in answer.headers:
            self.headers.add_header(name, value)

    def getheader(self, name, default=None):
        values = self.headers.get_all(name)
        return ", ".join(values) if values else default

    def getheaders(self):
        return list(self.headers.items())

    def info(self):
        return self.headers

    def getcode(self):
        return self.status

    def geturl(self):
        return self.url

    def isclosed(self):
        return self.closed

    def begin(self):
        pass

    def flush(self):
        pass


class Connection(http.client.HTTPConnection):
    """Keeps a request until its response is asked for."""

    scheme = "http"
    default_port = http.client.HTTP_PORT
    response_class = Response
    _http_vsn = 11
    _http_vsn_str = "HTTP/1.1"
    auto_open = 1
    debuglevel = 0
    sock = None

    def __init__(self, host, port=None, timeout=None, source_address=None, blocksize=8192, **options):
        if port is None and ":" in host.rpartition("]")[2]:
            host, _, port = host.rpartition(":")
        self.host = host
        self.port = int(port) if port else self.default_port
        self.timeout = timeout if isinstance(timeout, (int, float)) else None
        self._request = None
        self._answer = None

    def set_debuglevel(self, level):
        self.debuglevel = level

    def set_tunnel(self, host, port=None, headers=None):
        raise OSError("hooks reach no proxy: the engine sends their requests")

    def connect(self):
        pass

    def close(self):
        self._request = None

    def putrequest(self, method, url, skip_host=False, skip_accept_encoding=False):
        self._request = [method, url, [], b""]

    def putheader(self, header, *values):
        name = header.decode("latin-1") if isinstance(header, bytes) else header
        texts = [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in values]
        # The engine writes these two itself.
        if name.lower() not in ("host", "connection", "transfer-encoding"):
            self._request[2].append((name, "\r\n\t".join(texts)))

    def endheaders(self, message_body=None, *, encode_chunked=False):
        if message_body is not None:
            self.send(message_body)

    def send(self, data):
        self._request[3] += whole(data)

    def request(self, method, url, body=None, headers={}, *, encode_chunked=False):
        self.putrequest(method, url)
        for name, value in headers.items():
            self.putheader(name, value)
        self.endheaders(body)

    def getresponse(self):
        if self._request is None:
            raise http.client.ResponseNotReady("Idle")
        (method, url, headers, body), self._request = self._request, None
        if not url.startswith(("http://", "https://")):
            port = "" if self.port == self.default_port else f":{self.port}"
            url = f"{self.scheme}://{self.host}{port}{url}"
        return self.response_class(send(method, url, headers, body, self.timeout), method)


class SecureConnection(Connection):
    """The same with TLS, which the engine checks."""

    scheme = "https"
    default_port = http.client.HTTPS_PORT


def whole(data):
    """A body as bytes."""
    if isinstance(data, str):
        return data.encode("latin-1")
    if hasattr(data, "read"):
        return whole(data.read())
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    return b"".join(whole(piece) for piece in data)


def take_over():
    """From here on the standard library sends its requests through the engine."""
    http.client.HTTPConnection = Connection
    http.client.HTTPSConnection = SecureConnection
    http.client.HTTPResponse = Response
    http.client._create_https_context = lambda http_version: None
    # It looks for HTTPSConnection when it is imported.
    sys.modules.pop("urllib.request", None)
    import urllib.request

    # No variable names a proxy that a hook could reach.
    urllib.request.getproxies = dict
