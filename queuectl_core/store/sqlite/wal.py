"""The write-ahead log: when it is long, and how it is checkpointed without losing data.

SQLite 3.7.0 to 3.51.2 (3.44.6 and 3.50.7 and later of their lines excepted) can corrupt a WAL database when
a checkpoint overlaps another connection's commit that resets the log (https://sqlite.org/wal.html,
"The WAL-reset bug"). So no connection of ours checkpoints by itself, on any version: a checkpoint is made
by `checkpoint`, while the same process holds the write lock, so that no commit can overlap it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3

from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint

LONG_LOG_PAGES = 4000
"""A log with more pages than this is checkpointed by the writer that sees it (16 MB)."""

COMMITS_A_LOOK = 64
"""How many commits of a store pass between two looks at the length of the log."""

PAGE_BYTES = 4096
_HEADER, _FRAME_HEADER = 32, 24


def has_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether this version of SQLite can corrupt a WAL database as described above."""
    if version[:2] == (3, 44):
        return version < (3, 44, 6)
    if version[:2] == (3, 50):
        return version < (3, 50, 7)
    return (3, 7, 0) <= version <= (3, 51, 2)


def is_long(database: str, pages: int | None = None) -> bool:
    """Whether the log holds more than `pages` pages that are in use; None means `LONG_LOG_PAGES`.

    A log that was reset keeps its size and is written anew from its start, so the size alone does not
    tell. A frame is in use when it carries the salts of the log's header (file format: section 4.1 of
    https://sqlite.org/fileformat2.html). The log itself carries no locks, so reading it here is safe.
    """
    frame = _HEADER + (LONG_LOG_PAGES if pages is None else pages) * (_FRAME_HEADER + PAGE_BYTES)
    path = f"{database}-wal"
    try:
        if os.stat(path).st_size < frame + _FRAME_HEADER:
            return False
        with open(path, "rb", buffering=0) as log:
            header = log.read(_HEADER)
            log.seek(frame)
            return log.read(_FRAME_HEADER)[8:16] == header[16:24]
    except OSError:
        return False


def shorten(guard: sqlite3.Connection, database: str, lock: str) -> None:
    """Checkpoint the log where it is long.

    Called after a commit, which stands whatever becomes of this: failing, it leaves it to the next look.
    """
    if is_long(database):
        with contextlib.suppress(OSError, sqlite3.Error):
            checkpoint(guard, database, lock)


def checkpoint(guard: sqlite3.Connection, database: str, lock: str) -> bool:
    """Copy the log into the database while `guard`, a connection that is in no transaction, keeps writers out.

    Returns False, having done nothing, where another process is at it or holds the write lock.
    """
    with contextlib.ExitStack() as held:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        held.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            guard.execute("BEGIN IMMEDIATE")
        except (BlockingIOError, sqlite3.OperationalError):
            return False
        held.callback(guard.execute, "ROLLBACK")
        copier = sqlite3.connect(database, isolation_level=None)
        held.callback(copier.close)
        copier.execute("PRAGMA wal_autocheckpoint = 0")
        failpoints.reached(Failpoint.CHECKPOINTING)
        copier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        failpoints.reached(Failpoint.CHECKPOINTED)
        return True
