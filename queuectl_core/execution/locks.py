"""Asking the kernel who is alive: which lock files in `run/` are held. Nothing here holds one.

Apart from `liveness.py`, and light, since every enqueue asks whether a worker runs.
"""

from __future__ import annotations

import fcntl
import os

from queuectl_core.store.home import Home

SUFFIX = ".lock"


def is_held(path: str) -> bool:
    """Whether a living process holds the lock file; False where there is none."""
    try:
        # Without waiting, should somebody have put a FIFO there.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def is_alive(home: Home, name: str) -> bool:
    """Whether the worker or pool of that name is alive."""
    return is_held(home.lock(name))


def alive(home: Home) -> frozenset[str]:
    """The names of every worker and pool that is alive: workers are POOL-N, pools have no hyphen."""
    return frozenset(name for name in names(home) if is_alive(home, name))


def names(home: Home) -> list[str]:
    """The names under which workers and pools have left lock files, dead ones included."""
    try:
        files = os.listdir(home.run)
    except OSError:
        return []
    return [file.removesuffix(SUFFIX) for file in files if file.endswith(SUFFIX) and file not in OTHER_LOCKS]


OTHER_LOCKS = frozenset({"schema.lock", "line.lock", "write.lock", "checkpoint.lock", "recovery.lock"})
"""Locks that are held for a moment, or by many, and say nothing of one process."""


def any_worker(home: Home) -> bool:
    """Whether any worker is alive; asks the kernel alone."""
    return any("-" in name and is_alive(home, name) for name in names(home))


def count_workers(home: Home) -> int:
    """How many workers are alive."""
    return sum("-" in name and is_alive(home, name) for name in names(home))
