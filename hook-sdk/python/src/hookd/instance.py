"""The start of an instance: only here are the variables of the version known, so only here are the project's modules imported."""

import importlib
import os
import random
import sys
import traceback

from wit_world.imports import environment

from hookd import output

# The module that defines the hooks; set at build.
entry = None
started = False


def start():
    """Imports the project's modules, once."""
    global started
    if started:
        return
    os.environ.clear()
    os.environ.update(environment.get_environment())
    # The state of the build is the same in all instances.
    random.seed()
    importlib.import_module(entry)
    started = True


def definitions():
    """Names of all functions, with whether they are internal. What fails is in the log, and ends the instance."""
    from leancloud import engine

    try:
        start()
        registered = engine.registered()
    except BaseException as error:
        output.write_error(traceback_of(error))
        output.end_lines()
        # The interpreter would write the traceback a second time.
        os._exit(1)
    never_fired = [name for name in registered if engine.is_never_fired(name)]
    if never_fired:
        output.stderr.write("registered, but never fired, as hookd has no object storage: " + ", ".join(never_fired) + "\n")
    output.end_lines()
    return [(name, function.internal) for name, function in registered.items()]


def traceback_of(error):
    """As the interpreter prints it, without the frames of this package."""
    frames = error.__traceback__
    while frames is not None and is_ours(frames.tb_frame.f_code.co_filename):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


def is_ours(filename):
    return filename.startswith(("/0/hookd/", "/0/leancloud/engine/", "<frozen importlib", "/python/importlib/"))
