"""`Engine` and what functions see of their caller."""

import json

from leancloud.engine.errors import LeanEngineError
from leancloud.engine.registry import Registered, is_never_fired, never_fired_name
from leancloud.web import CookieSessionMiddleware, HttpsRedirectMiddleware

# Every engine of the module, in the order in which they were made.
engines = []


class Current:
    """Who calls. Each is None, or empty, outside of a call."""

    __slots__ = ("meta", "session_token", "user")

    def __init__(self):
        self.forget()

    def forget(self):
        self.user = None
        self.session_token = None
        self.meta = {}


current = Current()


def __getattr__(name):
    if name == "user":
        return current.user
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Engine:
    """Holds functions and hooks. Web pages are not served: a WSGI application is kept and never called."""

    def __init__(self, wsgi_app=None, fetch_user=True):
        self.wsgi_app = wsgi_app
        self.functions = {}
        self.current = current
        engines.append(self)

    def __call__(self, environ, start_response):
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"hookd serves no web pages"]

    def wrap(self, wsgi_app):
        """Keeps the application of the project."""
        if self.wsgi_app:
            raise RuntimeError("the engine has a WSGI application already")
        self.wsgi_app = wsgi_app
        return self

    def register(self, engine):
        """Takes over the functions of another engine."""
        if not isinstance(engine, Engine):
            raise TypeError("Please specify an Engine instance")
        for name, registered in engine.functions.items():
            self._add(name, registered)
        if engine in engines:
            engines.remove(engine)

    def run(self, *arguments, **options):
        """hookd calls the functions; there is no server to start."""

    start = stop = run

    def define(self, *arguments, **options):
        """`@engine.define`, `@engine.define("name")` or `engine.define("name")(function)`."""
        given = arguments[0] if arguments else None
        internal = bool(options.get("internal", False))
        if callable(given):
            return self._define(given.__name__, given, internal)
        return lambda function: self._define(given or function.__name__, function, internal)

    def _define(self, name, function, internal=False):
        self._add(name, Registered(function, internal))
        return function

    def _add(self, name, registered):
        if self.functions.setdefault(name, registered) is not registered:
            raise RuntimeError(f"cloud function: {name} is already registered")

    def _never_fired(self, kind, argument):
        return lambda function: self._define(never_fired_name(kind, argument), function)

    def before_save(self, class_name):
        return self._never_fired("before_save", class_name)

    def after_save(self, class_name):
        return self._never_fired("after_save", class_name)

    def before_update(self, class_name):
        return self._never_fired("before_update", class_name)

    def after_update(self, class_name):
        return self._never_fired("after_update", class_name)

    def before_delete(self, class_name):
        return self._never_fired("before_delete", class_name)

    def after_delete(self, class_name):
        return self._never_fired("after_delete", class_name)

    def on_verified(self, verify_type):
        if verify_type not in ("sms", "email"):
            raise RuntimeError("verify_type must be sms or email")
        return self._never_fired("on_verified", verify_type)

    def on_login(self, function):
        return self._define(never_fired_name("on_login", None), function)

    def on_auth_data(self, function):
        return self._define(never_fired_name("on_auth_data", None), function)

    def on_insight(self, event):
        if event != "end":
            raise RuntimeError("event not support")
        return self._never_fired("on_insight", None)

    on_bigquery = on_insight


def registered():
    """What all engines hold, by name."""
    functions = {}
    for engine in engines:
        for name, found in engine.functions.items():
            if functions.setdefault(name, found) is not found:
                raise RuntimeError(f"cloud function: {name} is already registered")
    return functions


def find(name):
    """The function of this name, or None."""
    for engine in engines:
        if name in engine.functions:
            return engine.functions[name]
    return None


def call(name, params, context):
    """Calls a function for the engine."""
    current.meta = {"remote_address": context.remote_address}
    current.session_token = context.session_token
    if context.current_user is not None:
        from leancloud.storage import User

        current.user = User.of_caller(json.loads(context.current_user), context.session_token)
    return run(name, params)


def run(name, params):
    """Calls a function with a dictionary of params."""
    # Clients send facts about the app under such names.
    params = {key: value for key, value in params.items() if not key.startswith("_") or key == "__type"}
    found = find(name)
    if found is None or is_never_fired(name):
        raise LeanEngineError(code=404, message=f"cloud func named '{name}' not found.")
    return found.function(**params)


def forget_caller():
    """At the end of a call."""
    current.forget()


__all__ = ["CookieSessionMiddleware", "Engine", "HttpsRedirectMiddleware", "LeanEngineError", "current"]
