"""The log file of a run, opened to be read while it is written, and what became of it since. Nothing is shown here.

The rules of opening are those of the command line: a regular file and nothing else, never through a
symbolic link, and never waiting for whoever writes to it.
"""

from __future__ import annotations

import contextlib
import os
import threading
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.execution.logs import open_log


class LogSource(NamedTuple):
    """The output of one run: its log file, and what is shown where that is gone.

    `tail` is the end of the output that the store kept, in bytes: none of them where the run printed nothing, and so
    needs no file; None where the store kept none. `complete` says that the run has ended: nothing more will come, so a
    missing file is not waited for. Where the file is in another home, `away` says so: it is not opened, and `said` is
    what is said of it.
    """

    path: str
    tail: bytes | None
    complete: bool
    away: bool = False
    said: str = ""


class Fate(StrEnum):
    """What happened to a file since it was last looked at."""

    SAME = "same"
    GROWN = "grown"
    CUT = "cut"
    REPLACED = "replaced"
    REMOVED = "removed"


class LogFile:
    """An open log. It may be read from any thread; once closed it reads as empty."""

    def __init__(self, path: str) -> None:
        """Open the file at `path`. Raises OSError: FileNotFoundError, or what else forbids it."""
        self._path = path
        self._lock = threading.Lock()  # a number that was closed may already be another file's
        self._descriptor = open_log(path)
        found = os.fstat(self._descriptor)
        self._identity = (found.st_dev, found.st_ino)
        self._size = found.st_size
        self._removed = False

    @property
    def size(self) -> int:
        """How many bytes the file had when it was last looked at."""
        return self._size

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`; fewer where the file has become shorter or cannot be read."""
        with self._lock:
            if self._descriptor < 0 or end <= start:
                return b""
            try:
                return os.pread(self._descriptor, end - start, start)
            except OSError:
                return b""  # a file system that went away: what was there cannot be shown, and that is seen

    def look(self) -> Fate:
        """Take notice of what happened to the file. A file that was removed is said to be so once."""
        before = self._size
        if self._descriptor < 0:
            return Fate.SAME
        with contextlib.suppress(OSError):  # a file system that went away: the size stays what it was
            self._size = os.fstat(self._descriptor).st_size
        if (fate := self._fate_of_path()) is not None:
            return fate
        if self._size == before:
            return Fate.SAME
        return Fate.GROWN if self._size > before else Fate.CUT

    def _fate_of_path(self) -> Fate | None:
        """Whether the path leads elsewhere by now."""
        try:
            found = os.lstat(self._path)
        except OSError:
            if self._removed:
                return None
            self._removed = True
            return Fate.REMOVED
        if (found.st_dev, found.st_ino) != self._identity:
            return Fate.REPLACED
        return None

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
