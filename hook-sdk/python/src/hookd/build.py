"""What is done once, at build: read the project, compile it, and import what it will need."""

import ast
import gc
import importlib.util
import json
import os
import sys

from hookd import files, http_client, instance, output, sockets, sources, web

# Files that say where a project begins, in this order.
ENTRIES = ("cloud.py", "app/cloud.py", "wsgi.py", "app.py", "main.py")


def prepare(module_file):
    """Called while componentize-py takes its snapshot."""
    root = os.path.dirname(module_file)
    # componentize-py adds the packages of the Python that it runs in; hooks must not depend on them.
    sys.path[:] = [folder for folder in sys.path if folder in ("/python", "/world", "/bundled", root)]
    project = dict(files_in(os.path.join(root, "_project")))
    own = finder_of(project.items(), "", sources.Source)
    packages = os.path.join(root, "_packages")
    theirs = finder_of(files_in(packages), "packages/", sources.Packed)
    # One file at a time: the snapshot holds all memory that was ever used.
    standard = finder_of(files_in("/python"), "/python/", sources.Packed, skip=standard_module_is_useless)
    instance.entry = entry_of(project)
    use_own_ssl(root)
    http_client.take_over()
    preload(project, own, theirs)
    for path, data in project.items():
        files.add(path, data)
    for path, data in files_in(packages):
        if not path.endswith(".py"):
            files.add("packages/" + path, data)
    for name in sys.modules:
        standard.sources.pop(name, None)
    sources.only([own, theirs, standard, web.Finder])
    sockets.take_over()
    files.take_over()
    output.take_over()
    warm()
    # What exists now is never garbage, and need not be looked at.
    gc.collect()
    gc.freeze()


def use_own_ssl(root):
    """The standard library's needs a library in C that is not there."""
    spec = importlib.util.spec_from_file_location("ssl", os.path.join(root, "ssl.py"))
    sys.modules["ssl"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["ssl"])


def files_in(folder):
    """All files below a folder: path and content, one after the other."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                yield os.path.relpath(path, folder), file.read()


def standard_module_is_useless(name):
    """Parts of the standard library that nothing can use without a screen, a disk or processes."""
    return name.partition(".")[0] in {
        "_pyrepl", "antigravity", "curses", "ctypes", "dbm", "ensurepip", "idlelib", "lib2to3", "multiprocessing", "pty",
        "pydoc_data", "site", "test", "this", "tkinter", "tty", "turtle", "turtledemo", "venv", "webbrowser",
    }


def finder_of(found, prefix, kind, skip=lambda name: False):
    """Finds the modules among the files."""
    finder, problems = sources.Finder(), []
    for path, data in found:
        named = sources.module_name(path) if path.endswith(".py") else None
        if named is None or skip(named[0]):
            continue
        name, is_package = named
        try:
            finder.add(name, kind(prefix + path, data, is_package))
        except (SyntaxError, ValueError) as error:
            problems.append((path, error))
    if problems:
        report(problems)
    return finder


def report(problems):
    """Tells the builder, which reads these lines, and ends the build."""
    for path, error in problems:
        line = getattr(error, "lineno", None)
        text = {"file": path, "line": line, "text": getattr(error, "msg", None) or str(error)}
        print("hookd-build: " + json.dumps(text), file=sys.stderr)
    raise SystemExit(1)


def entry_of(project):
    """The module that defines the hooks."""
    for path in ENTRIES:
        if path in project and (path.endswith("cloud.py") or defines_functions(project[path])):
            return sources.module_name(path)[0]
    for path in sorted(project):
        if path.endswith(".py") and defines_functions(project[path]) and sources.module_name(path):
            return sources.module_name(path)[0]
    report([("", ValueError("no file makes an `Engine` of the package `leancloud`"))])


def defines_functions(data):
    """True for a file with `Engine()`."""
    return any(
        isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Engine"
        for node in ast.walk(ast.parse(data))
    )


def imported(data):
    """Names of the modules that a file imports anywhere."""
    for node in ast.walk(ast.parse(data)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def preload(project, own, theirs):
    """Imports all that the project imports and that is not its own, so that no instance has to."""
    import leancloud
    import redis
    import requests

    finders = [theirs, web.Finder]
    sys.meta_path[:0] = finders
    names = {name for path, data in project.items() if path.endswith(".py") for name in imported(data)}
    for name in sorted(names):
        parent, _, attribute = name.rpartition(".")
        # `from a import b` may name a module or something in one; the shorter names come first.
        if own.find_spec(name.partition(".")[0]) or hasattr(sys.modules.get(parent), attribute):
            continue
        try:
            importlib.import_module(name)
        except BaseException:
            # Instances try again: it may need a variable, or be inside `try`.
            sys.modules.pop(name, None)
    for finder in finders:
        sys.meta_path.remove(finder)


def warm():
    """Runs once what every call runs, so that caches are full."""
    from hookd import calls

    json.loads('{"a": [1, 2.5, "x", null, true]}')
    json.dumps({"a": [1, 2.5, "x", None, True]}, allow_nan=False, separators=(",", ":"))
    calls.failure(calls.LeanEngineError("x"))
