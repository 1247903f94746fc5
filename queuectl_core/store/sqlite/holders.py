"""Who holds the locks of a store, by the kernel's list: who reads from it, who writes to it. Nothing here takes one.

Asking for a lock of SQLite's itself would do harm: to close a file that was opened for it drops all POSIX locks that
this process has on it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

from queuectl_core.store.home import Home

_WRITE_LOCK, _READ_LOCKS = range(120, 121), range(123, 128)
"""The bytes of the `-shm` file that whoever writes and whoever reads locks: https://sqlite.org/walformat.html,
section 2.3."""

_ANY = range(1)
"""A byte that a lock on a whole file is on, too."""


def readers(database: str) -> set[int]:
    """The pids of the other processes that are inside a read; none where the kernel has no list."""
    return set(_holders(f"{database}-shm", "POSIX", _READ_LOCKS))


class Writer(NamedTuple):
    """Another process that keeps all others from writing, and whether it is stopped."""

    pid: int
    stopped: bool


def writer(home: Home) -> Writer | None:
    """Who is inside a write, or through the gate to one; None where that is nobody but us, or not known."""
    inside = _holders(f"{home.database}-shm", "POSIX", _WRITE_LOCK)
    through = _holders(home.lock("write"), "FLOCK", _ANY)
    pid = next(inside, None) or next(through, None)
    return None if pid is None else Writer(pid, _is_stopped(pid))


def _is_stopped(pid: int) -> bool:
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
        text = file.read()
        return text[text.rindex(b")") + 2 :][:1] in b"Tt"
    return False


def _holders(path: str, kind: str, locked: range) -> Iterator[int]:
    """The pids of the other processes that hold a lock of this kind on any of these bytes of a file."""
    with contextlib.suppress(OSError), open("/proc/locks", encoding="ascii") as locks:
        node = os.stat(path).st_ino
        for line in locks:
            # 1: POSIX ADVISORY READ 14671 fe:00:2154598 124 124; of one who waits, an arrow is the second word
            words = line.split()
            if len(words) != 8 or words[1] != kind or words[5].rpartition(":")[2] != str(node):
                continue
            pid, start, end = int(words[4]), int(words[6]), words[7]
            if start >= locked.stop or (end != "EOF" and int(end) < locked.start):
                continue
            if pid != os.getpid() and _has_open(pid, path):
                yield pid


def _has_open(pid: int, path: str) -> bool:
    """Whether a process has a file open; it tells files of one number on different disks apart."""
    with contextlib.suppress(OSError):
        wanted, folder = os.stat(path), f"/proc/{pid}/fd"
        return any(_is_file(f"{folder}/{name}", wanted) for name in os.listdir(folder))
    return False


def _is_file(path: str, wanted: os.stat_result) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.stat(path), wanted)
    return False
