"""Stand-ins for packages that serve web pages. hookd serves none; files that make an application must load all the same."""

import importlib.machinery
import types

NAMES = frozenset(
    [
        "django",
        "flask",
        "flask_cors",
        "flask_session",
        "flask_sockets",
        "flask_sslify",
        "gevent",
        "geventwebsocket",
        "gunicorn",
        "uwsgi",
        "waitress",
        "werkzeug",
    ]
)


class Anything:
    """Takes every use. As a decorator it leaves the function as it is."""

    def __init__(self, *arguments, **options):
        pass

    def __call__(self, *arguments, **options):
        if len(arguments) == 1 and not options and isinstance(arguments[0], (types.FunctionType, type)):
            return arguments[0]
        return self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key):
        return self

    def __setitem__(self, key, value):
        pass

    def __iter__(self):
        return iter(())

    def __bool__(self):
        return False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __mro_entries__(self, bases):
        return (Anything,)


ANYTHING = Anything()


class Module(types.ModuleType):
    """A module that has every name."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return ANYTHING


class Finder:
    """Comes last: a package that the project brings goes before it."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if fullname.partition(".")[0] not in NAMES:
            return None
        return importlib.machinery.ModuleSpec(fullname, Finder, is_package=True)

    @staticmethod
    def create_module(spec):
        return Module(spec.name, "hookd serves no web pages.")

    @staticmethod
    def exec_module(module):
        pass

    @staticmethod
    def invalidate_caches():
        pass
