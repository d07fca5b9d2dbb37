"""Standard output, standard error and the module `logging`, as lines of the app's log."""

import io
import logging
import sys

from wit_world.imports import logging as log
from wit_world.imports.logging import Level

# A longer line is cut by the engine; it must not fill the memory first.
MAX_PENDING = 16 * 1024


class LogStream(io.TextIOBase):
    """Text that goes to the app's log line by line."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, level, source):
        super().__init__()
        self.level = level
        self.source = source
        self.pending = ""

    def writable(self):
        return True

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        *lines, self.pending = (self.pending + text).split("\n")
        for line in lines:
            self.write_line(self.level, line)
        if len(self.pending) > MAX_PENDING:
            self.end_line()
        return len(text)

    def end_line(self):
        """Writes what has no line end yet."""
        if self.pending:
            line, self.pending = self.pending, ""
            self.write_line(self.level, line)

    def write_line(self, level, line):
        # Half of a surrogate pair cannot be written in UTF-8.
        log.log(level, self.source, line.encode("utf-8", "replace").decode("utf-8"))


stdout = LogStream(Level.INFO, "stdout")
stderr = LogStream(Level.WARN, "stderr")


def write_error(text):
    """Writes lines with the level of errors."""
    for line in text.rstrip("\n").split("\n"):
        stderr.write_line(Level.ERROR, line)


def level_of(number):
    """The log's level for one of the module `logging`."""
    if number >= logging.ERROR:
        return Level.ERROR
    if number >= logging.WARNING:
        return Level.WARN
    return Level.INFO if number >= logging.INFO else Level.DEBUG


def emit(handler, record):
    """Takes the place of `logging.StreamHandler.emit`, so that a record keeps its level."""
    try:
        stream = handler.stream
        text = handler.format(record)
        if not isinstance(stream, LogStream):
            stream.write(text + handler.terminator)
            return
        stream.end_line()
        level = level_of(record.levelno)
        for line in text.split("\n"):
            stream.write_line(level, line)
    except Exception:
        handler.handleError(record)


def take_over():
    """From here on nothing is written to files of the system."""
    sys.stdout = sys.__stdout__ = stdout
    sys.stderr = sys.__stderr__ = stderr
    logging.StreamHandler.emit = emit


def end_lines():
    """At the end of a call."""
    stdout.end_line()
    stderr.end_line()
