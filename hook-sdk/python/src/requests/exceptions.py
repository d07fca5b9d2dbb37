"""Errors of requests."""

import json


class RequestException(IOError):
    """Every error of this package."""

    def __init__(self, *arguments, request=None, response=None):
        super().__init__(*arguments)
        self.response = response
        self.request = request if request is not None else getattr(response, "request", None)


class HTTPError(RequestException):
    """The status says that the request failed."""


class ConnectionError(RequestException):
    """There is no response."""


class ProxyError(ConnectionError):
    """Never raised."""


class SSLError(ConnectionError):
    """Never raised by name: it is a ConnectionError."""


class Timeout(RequestException):
    """There was no response in time."""


class ConnectTimeout(ConnectionError, Timeout):
    """Never raised by name: it is a ReadTimeout."""


class ReadTimeout(Timeout):
    """There was no response in time."""


class URLRequired(RequestException):
    """A URL is missing."""


class TooManyRedirects(RequestException):
    """More than the session allows."""


class MissingSchema(RequestException, ValueError):
    """A URL without `http://` or `https://`."""


class InvalidSchema(RequestException, ValueError):
    """A URL of something else than HTTP."""


class InvalidURL(RequestException, ValueError):
    """A URL without a host."""


class InvalidHeader(RequestException, ValueError):
    """A header that cannot be sent."""


class ChunkedEncodingError(RequestException):
    """Never raised: a response that ends too soon is a ConnectionError."""


class ContentDecodingError(RequestException):
    """The body is not what its encoding says."""


class InvalidJSONError(RequestException):
    """A value that JSON cannot carry."""


class JSONDecodeError(InvalidJSONError, json.JSONDecodeError):
    """The body is not JSON."""

    def __init__(self, *arguments, **options):
        json.JSONDecodeError.__init__(self, *arguments)
        InvalidJSONError.__init__(self, self.args[0], **options)
