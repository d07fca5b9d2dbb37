"""Modules that are imported from memory: there is no filesystem when hooks run."""

import builtins
import importlib.machinery
import importlib.util
import sys
import zlib


class Source:
    """One module: its code, and for tracebacks its text."""

    __slots__ = ("code", "is_package", "path", "text")

    def __init__(self, path, data, is_package):
        self.path = path
        self.text = data.decode("utf-8", "replace")
        self.is_package = is_package
        self.code = compile(data, path, "exec", dont_inherit=True)


class Packed:
    """A module that may never be imported: kept small, and compiled when it is."""

    __slots__ = ("data", "is_package", "path")
    text = None

    def __init__(self, path, data, is_package):
        self.path = path
        self.is_package = is_package
        self.data = zlib.compress(data)

    @property
    def code(self):
        return compile(zlib.decompress(self.data), self.path, "exec", dont_inherit=True)


class Loader:
    """Runs a module's code."""

    def __init__(self, name, source):
        self.name = name
        self.source = source

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.source.code, module.__dict__)

    def is_package(self, fullname):
        return self.source.is_package

    def get_code(self, fullname):
        return self.source.code

    def get_source(self, fullname):
        return self.source.text

    def get_filename(self, fullname):
        return self.source.path

    def get_data(self, path):
        with builtins.open(path, "rb") as file:
            return file.read()


class Finder:
    """Finds modules by name."""

    def __init__(self):
        self.sources = {}

    def find_spec(self, fullname, path=None, target=None):
        source = self.sources.get(fullname)
        if source is None:
            return None
        loader = Loader(fullname, source)
        spec = importlib.machinery.ModuleSpec(fullname, loader, origin=source.path, is_package=source.is_package)
        spec.has_location = True
        if source.is_package:
            spec.submodule_search_locations = [source.path.rpartition("/")[0]]
        return spec

    def invalidate_caches(self):
        pass

    def add(self, name, source):
        """Adds a module, and the folders above it that have no `__init__.py`."""
        self.sources[name] = source
        parent = name.rpartition(".")[0]
        while parent and parent not in self.sources:
            folder = source.path.rsplit("/", name.count(".") - parent.count("."))[0]
            self.sources[parent] = Source(f"{folder}/__init__.py", b"", True)
            parent = parent.rpartition(".")[0]


def module_name(path):
    """`functions/words.py` is `functions.words`; answers also whether it is a package. None for what cannot be imported."""
    parts = path.removesuffix(".py").split("/")
    is_package = parts[-1] == "__init__"
    if is_package:
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts), is_package


def only(finders):
    """From here on these find modules, and nothing looks into folders."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if getattr(finder, "__name__", "") != "PathFinder"] + finders
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
    sys.path[:] = ["/"]
