"""The lines of a file that a command is given, or of stdin (`-`), while a bar shows how far it is."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import BinaryIO

from queuectl_core.cli import output
from queuectl_core.model.errors import QueueError

STREAM = "-"

LINES_A_STEP = 1000
"""How many lines are read between two steps of the bar."""


@contextmanager
def given_lines(
    path: str, title: str, hint: str, longest_first: int = -1, longest: int = -1
) -> Iterator[Iterator[bytes]]:
    """The lines, with their ends; of the first no more than `longest_first` bytes come together.

    Raises QueueError with that hint where they cannot be read, or one has more than `longest` bytes (-1: any number).
    """
    try:
        file = _opened(path)
    except OSError as error:
        raise _unreadable(path, error, hint) from None
    found = os.fstat(file.fileno())
    total = found.st_size if stat.S_ISREG(found.st_mode) else None
    with file, output.progress(title, total) as advance:

        def counted() -> Iterator[bytes]:
            read = 0
            try:
                rest = iter(partial(file.readline, longest), b"")
                for number, line in enumerate(chain((file.readline(longest_first),), rest), 1):
                    if len(line) == longest and not line.endswith(b"\n"):
                        raise QueueError(f"line {number} has more than {longest:,} bytes", hint)
                    yield line
                    read += len(line)
                    if number % LINES_A_STEP == 0:
                        advance(read)
                        read = 0
            except OSError as error:
                raise _unreadable(path, error, hint) from None

        yield counted()


def name_of(path: str) -> str:
    """What a message calls it."""
    return "stdin" if path == STREAM else path


def _opened(path: str) -> BinaryIO:
    if path != STREAM:
        return open(path, "rb")
    if sys.stdin is None:
        raise QueueError("cannot read -: standard input is closed", "nothing was stored")
    return open(sys.stdin.fileno(), "rb", closefd=False)


def _unreadable(path: str, error: OSError, hint: str) -> QueueError:
    return QueueError(f"cannot read {name_of(path)}: {error.strerror or error}", hint)
