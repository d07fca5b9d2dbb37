"""Parts of web hosting, which hookd does not offer. They exist so that a project's files load."""


class HttpsRedirectMiddleware:
    """Passes everything on."""

    def __init__(self, wsgi_app):
        self.origin_app = wsgi_app

    def __call__(self, environ, start_response):
        return self.origin_app(environ, start_response)


class CookieSessionMiddleware(HttpsRedirectMiddleware):
    """Passes everything on."""

    def __init__(self, app, secret=None, name="leancloud:session", excluded_paths=None, fetch_user=False, **options):
        super().__init__(app)

    def post_process(self, environ, headers):
        return headers
