"""The log file of each run: made for its command to write to, read at its end, removed when forgotten."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import NamedTuple

from queuectl_core.model.job import TAIL_BYTES
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import Forgotten

_MAKE = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


def make_log(home: Home, number: int, attempt: int) -> int:
    """Open the log file of a run, empty, for its owner alone. Raises OSError."""
    path = home.log(number, attempt)
    try:
        return os.open(path, _MAKE, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        return os.open(path, _MAKE, 0o600)


class Output(NamedTuple):
    """How many bytes a run wrote, and the last of them."""

    size: int
    tail: bytes


def read_end(log: int, most: int = TAIL_BYTES) -> Output:
    """The size of an open log file and its last `most` bytes."""
    size = os.fstat(log).st_size
    return Output(size, os.pread(log, most, max(0, size - most)) if size else b"")


def remove_logs(home: Home, gone: Iterable[Forgotten]) -> None:
    """Remove the log files of jobs that are gone from the store, and folders left empty."""
    folders = set()
    for number, runs in gone:
        for attempt in range(1, runs + 1):
            path = home.log(number, attempt)
            with contextlib.suppress(OSError):
                os.unlink(path)
            folders.add(os.path.dirname(path))
    for folder in folders:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
