"""The gate before the write lock: writers wait at a lock file, not inside SQLite.

SQLite's busy handler sleeps at least a millisecond and up to a hundred, which is several times as long as a
worker's whole transaction. At the gate a waiter looks again within a fraction of a millisecond. Whoever
writes without passing it is still kept out by SQLite itself.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from queuectl_core.store.home import Home

SHORTEST_PAUSE, LONGEST_PAUSE = 0.000_05, 0.002
"""Seconds between two looks at the gate, at first and at most."""


class Gate:
    """The gate of one home, for one connection. `patience` is how long (s) to wait before giving up."""

    def __init__(self, home: Home, patience: float) -> None:
        self._lock = os.open(home.lock("write"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self.patience = patience

    def is_open(self) -> bool:
        """Pass, if nobody else is through; the one who passed must `leave`."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def pauses(self) -> Iterator[float]:
        """How long (s) to sleep between two looks. Raises SQLite's own busy error once patience has run out."""
        deadline = time.monotonic() + self.patience
        pause = SHORTEST_PAUSE
        while time.monotonic() <= deadline:
            yield pause
            pause = min(pause * 1.5, LONGEST_PAUSE)
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    def enter(self) -> None:
        """Wait until it is open, and pass."""
        if self.is_open():
            return
        for pause in self.pauses():
            if self.is_open():
                return
            time.sleep(pause)

    def leave(self) -> None:
        """Let the next one pass; harmless where we are not through."""
        fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Enter, and leave at the end."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def close(self) -> None:
        """Give the lock file up; closing twice is harmless."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
