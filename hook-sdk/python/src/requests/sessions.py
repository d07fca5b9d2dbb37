"""A session: what all its requests have in common."""

import datetime
import time
from urllib.parse import urljoin, urlsplit

from hookd.send import BadRequest, SendError, SendTimeout, send
from requests.exceptions import ConnectionError, InvalidHeader, ReadTimeout, TooManyRedirects
from requests.models import PreparedRequest, Request, Response
from requests.structures import CaseInsensitiveDict

# What must not follow to another host.
SECRETS = ("Authorization", "Cookie", "Proxy-Authorization")


class Session:
    """Headers, parameters, credentials and cookies for many requests."""

    def __init__(self):
        self.headers = CaseInsensitiveDict({"User-Agent": "python-requests/2.31.0", "Accept": "*/*"})
        self.params = {}
        self.auth = None
        self.cookies = {}
        self.max_redirects = 30
        self.verify = True
        self.proxies = {}
        self.trust_env = True

    def request(
        self,
        method,
        url,
        params=None,
        data=None,
        headers=None,
        cookies=None,
        files=None,
        auth=None,
        timeout=None,
        allow_redirects=True,
        proxies=None,
        hooks=None,
        stream=None,
        verify=None,
        cert=None,
        json=None,
    ):
        made = Request(method, url, headers, files, data, params, auth, cookies, json)
        return self.send(self.prepare_request(made), timeout=timeout, allow_redirects=allow_redirects)

    def prepare_request(self, request):
        params = request.params
        if self.params:
            own = list(dict(self.params).items())
            given = list(params.items() if hasattr(params, "items") else params or [])
            params = own + given if not isinstance(params, (str, bytes)) else params
        merged = CaseInsensitiveDict(self.headers)
        merged.update(request.headers)
        made = Request(
            request.method,
            request.url,
            merged,
            request.files,
            request.data,
            params,
            request.auth or self.auth,
            {**self.cookies, **dict(request.cookies or {})},
            request.json,
        )
        return PreparedRequest(made)

    def send(self, request, timeout=None, allow_redirects=True, **options):
        history = []
        while True:
            response = self._send_once(request, timeout)
            self.cookies.update(response.cookies)
            response.history = list(history)
            if not allow_redirects or not response.is_redirect:
                return response
            history.append(response)
            if len(history) > self.max_redirects:
                raise TooManyRedirects(f"Exceeded {self.max_redirects} redirects.", response=response)
            self._follow(request, response)

    def _send_once(self, request, timeout):
        # One bounds the connection, one the answer; the engine has one for both.
        seconds = max((part for part in timeout if part), default=None) if isinstance(timeout, tuple) else timeout
        started = time.monotonic()
        url = request.url.partition("#")[0]
        try:
            answer = send(request.method, url, list(request.headers.items()), request.body, seconds)
        except SendTimeout as error:
            raise ReadTimeout(str(error), request=request) from None
        except BadRequest as error:
            raise InvalidHeader(str(error), request=request) from None
        except SendError as error:
            raise ConnectionError(str(error), request=request) from None
        response = Response.of(answer, request)
        response.elapsed = datetime.timedelta(seconds=time.monotonic() - started)
        return response

    def _follow(self, request, response):
        url = urljoin(request.url, response.headers["location"])
        if urlsplit(url).netloc != urlsplit(request.url).netloc:
            for name in SECRETS:
                request.headers.pop(name, None)
        status, method = response.status_code, request.method
        if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
            request.method = "GET"
            request.body = b""
            for name in ("Content-Type", "Content-Length", "Transfer-Encoding"):
                request.headers.pop(name, None)
        request.url = url

    def get(self, url, **options):
        return self.request("GET", url, **options)

    def options(self, url, **options):
        return self.request("OPTIONS", url, **options)

    def head(self, url, **options):
        options.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **options)

    def post(self, url, data=None, json=None, **options):
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url, data=None, **options):
        return self.request("PUT", url, data=data, **options)

    def patch(self, url, data=None, **options):
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url, **options):
        return self.request("DELETE", url, **options)

    def mount(self, prefix, adapter):
        """There are no connections to configure."""

    def close(self):
        """There are no connections to close."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def session():
    """A new session."""
    return Session()
