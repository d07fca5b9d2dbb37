"""A request and a response."""

import codecs
import datetime
import http.client
import json as json_module
import re
import uuid
import zlib
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from requests.auth import HTTPBasicAuth
from requests.exceptions import ContentDecodingError, HTTPError, InvalidSchema, InvalidURL, JSONDecodeError, MissingSchema
from requests.structures import CaseInsensitiveDict

# Characters that a URL may hold as they are; percent signs stay.
SAFE = "!#$%&'()*+,/:;=?@[]~"


class Request:
    """What `Session.prepare_request` takes."""

    def __init__(
        self, method=None, url=None, headers=None, files=None, data=None, params=None, auth=None, cookies=None, json=None
    ):
        self.method = method
        self.url = url
        self.headers = headers or {}
        self.files = files
        self.data = data
        self.params = params
        self.auth = auth
        self.cookies = cookies
        self.json = json

    def prepare(self):
        return PreparedRequest(self)


class PreparedRequest:
    """A request as it is sent."""

    def __init__(self, request):
        self.method = (request.method or "GET").upper()
        self.url = with_params(request.url, request.params)
        self.headers = CaseInsensitiveDict({key: value for key, value in request.headers.items() if value is not None})
        self.body, content_type = body_of(request)
        if content_type:
            self.headers.setdefault("Content-Type", content_type)
        if request.cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in dict(request.cookies).items())
            self.headers.setdefault("Cookie", pairs)
        auth = request.auth
        if auth:
            auth = HTTPBasicAuth(*auth) if isinstance(auth, tuple) else auth
            auth(self)

    @property
    def path_url(self):
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def with_params(url, params):
    """The URL with all parameters, with only letters that may be in one."""
    url = str(url).strip()
    parts = urlsplit(url)
    if not parts.scheme:
        raise MissingSchema(f"Invalid URL {url!r}: No scheme supplied. Perhaps you meant https://{url}?")
    if parts.scheme.lower() not in ("http", "https"):
        raise InvalidSchema(f"No connection adapters were found for {url!r}")
    if not parts.hostname:
        raise InvalidURL(f"Invalid URL {url!r}: No host supplied")
    query = "&".join(part for part in (parts.query, encoded(params)) if part)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode("ascii")
    return urlunsplit((parts.scheme, host, quote(parts.path or "/", SAFE), quote(query, SAFE), parts.fragment))


def encoded(data):
    """Pairs as in a form."""
    if not data:
        return ""
    if isinstance(data, bytes):
        return data.decode("utf-8")
    if isinstance(data, str):
        return data
    pairs = data.items() if hasattr(data, "items") else data
    listed = [
        (name, value)
        for name, values in pairs
        if values is not None
        for value in (values if isinstance(values, (list, tuple, set)) else [values])
        if value is not None
    ]
    return urlencode(listed)


def body_of(request):
    """The body as bytes, with its content type."""
    if request.files:
        return multipart(request.data, request.files)
    if request.data is not None and request.data != {} and request.data != []:
        data = request.data
        if hasattr(data, "read"):
            data = data.read()
        if isinstance(data, (bytes, bytearray)):
            return bytes(data), None
        if isinstance(data, str):
            return data.encode("utf-8"), None
        return encoded(data).encode("ascii"), "application/x-www-form-urlencoded"
    if request.json is not None:
        return json_module.dumps(request.json, allow_nan=False).encode("utf-8"), "application/json"
    return b"", None


def multipart(data, files):
    """A form with files."""
    boundary = uuid.uuid4().hex
    parts = []
    pairs = data.items() if hasattr(data, "items") else data or []
    for name, value in pairs:
        parts.append((f'form-data; name="{name}"', None, str(value).encode("utf-8")))
    for name, file in files.items() if hasattr(files, "items") else files:
        file_name, content, kind = name, file, None
        if isinstance(file, (tuple, list)):
            file_name, content = file[0], file[1]
            kind = file[2] if len(file) > 2 else None
        content = content.read() if hasattr(content, "read") else content
        content = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        parts.append((f'form-data; name="{name}"; filename="{file_name}"', kind, content))
    body = b""
    for disposition, kind, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
        head += f"Content-Type: {kind}\r\n" if kind else ""
        body += head.encode("utf-8") + b"\r\n" + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class Response:
    """What came back, as a whole."""

    def __init__(self):
        self.status_code = None
        self.url = None
        self.reason = None
        self.request = None
        self.headers = CaseInsensitiveDict()
        self.cookies = {}
        self.history = []
        self.encoding = None
        self.elapsed = datetime.timedelta(0)
        self._content = b""

    @classmethod
    def of(cls, answer, request):
        """From what the engine answered."""
        response = cls()
        response.status_code = answer.status
        response.url = request.url
        response.reason = http.client.responses.get(answer.status, "")
        response.request = request
        for name, value in answer.headers:
            present = response.headers.get(name)
            response.headers[name] = value if present is None else f"{present}, {value}"
            if name.lower() == "set-cookie":
                key, _, cookie = value.partition(";")[0].partition("=")
                response.cookies[key.strip()] = cookie.strip()
        response.encoding = encoding_of(response.headers.get("Content-Type", ""))
        response._content = unpacked(answer.body, response.headers.get("Content-Encoding", ""))
        return response

    @property
    def content(self):
        return self._content

    @property
    def apparent_encoding(self):
        return "utf-8"

    @property
    def text(self):
        try:
            return self._content.decode(self.encoding or self.apparent_encoding, "replace")
        except LookupError:
            return self._content.decode("utf-8", "replace")

    def json(self, **options):
        try:
            return json_module.loads(self._content, **options)
        except UnicodeDecodeError:
            return json_module.loads(self.text, **options)
        except json_module.JSONDecodeError as error:
            raise JSONDecodeError(error.msg, error.doc, error.pos) from None

    @property
    def ok(self):
        return self.status_code < 400

    def __bool__(self):
        return self.ok

    @property
    def is_redirect(self):
        return "location" in self.headers and self.status_code in (301, 302, 303, 307, 308)

    def raise_for_status(self):
        kind = {4: "Client Error", 5: "Server Error"}.get(self.status_code // 100)
        if kind:
            raise HTTPError(f"{self.status_code} {kind}: {self.reason} for url: {self.url}", response=self)

    def iter_content(self, chunk_size=1, decode_unicode=False):
        step = chunk_size or len(self._content) or 1
        for start in range(0, len(self._content), step):
            yield self._content[start : start + step]

    def iter_lines(self, chunk_size=512, decode_unicode=False, delimiter=None):
        content = self.text if decode_unicode else self._content
        yield from content.split(delimiter) if delimiter else content.splitlines()

    def __iter__(self):
        return self.iter_content(128)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __repr__(self):
        return f"<Response [{self.status_code}]>"


def encoding_of(content_type):
    """As the header says; for text without one, that of old HTTP."""
    named = re.search(r"charset=[\"']?([^\s;\"']+)", content_type, re.IGNORECASE)
    if named:
        try:
            return codecs.lookup(named[1]).name
        except LookupError:
            return None
    if "json" in content_type:
        return "utf-8"
    return "ISO-8859-1" if content_type.startswith("text/") else None


def unpacked(body, encoding):
    """A body without its compression."""
    try:
        if encoding in ("gzip", "x-gzip"):
            return zlib.decompress(body, 16 + zlib.MAX_WBITS) if body else body
        if encoding == "deflate":
            return zlib.decompress(body) if body else body
    except zlib.error as error:
        raise ContentDecodingError(str(error)) from None
    return body
