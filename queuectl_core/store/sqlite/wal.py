"""The write-ahead log: when it is long, and how it is checkpointed without losing data.

SQLite 3.7.0 to 3.51.2 (3.44.6 and 3.50.7 and later of their lines excepted) can corrupt a WAL database when
a checkpoint overlaps another connection's commit that resets the log (https://sqlite.org/wal.html,
"The WAL-reset bug"). So no connection of ours checkpoints by itself, on any version: a checkpoint is made
by `checkpoint`, while the same process holds the write lock, so that no commit can overlap it.

One checkpoint is left to SQLite: the one that the last connection makes as it closes. It is made under an exclusive
lock on the database file (`sqlite3WalClose` in wal.c), while each connection that has used the log holds a shared one
for as long as it is open, and takes it before it looks at the log (`sqlite3PagerSharedLock` in pager.c). So nobody can
commit meanwhile, and where somebody else is connected nothing is copied. A connection that was opened to read alone
cannot take that lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from typing import NamedTuple

from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.gate import Gate

LONG_LOG_PAGES = 4000
"""A log with more pages than this is checkpointed by the writer that sees it (16 MB)."""

COMMITS_A_LOOK = 64
"""How many commits of a store pass between two looks at the length of the log."""

HELD_UP_PAGES = 16_000
"""A log with more pages than this (64 MB) outgrew what writers keep it to: somebody may hold it up."""

RETRY_SECONDS = 0.25
"""How long writers leave a log alone that a reader has just kept from being copied: the longer it is, the more a vain
checkpoint costs (1.2 ms at 330 MB, where 64 commits take 20)."""

PATIENCE = 1.0
"""Seconds that `held_up` waits for writers."""

LOOK_SECONDS = 0.05
"""A reader that is there twice, so long apart, is not one that reads now and then."""

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


class Copied(NamedTuple):
    """What a checkpoint has left: how many pages the log holds, and how many of them the database has by now."""

    log: int
    database: int

    @property
    def whole(self) -> bool:
        """Whether the database has all of them, so that the log can be begun anew."""
        return self.database >= self.log


class HeldUp(NamedTuple):
    """A long log that cannot be copied whole: its length in bytes, and the pids of the processes that read from it."""

    length: int
    readers: tuple[int, ...]


def shorten(guard: sqlite3.Connection, database: str, lock: str) -> None:
    """Checkpoint the log where it is long, unless a reader has just kept somebody from it.

    Called after a commit, which stands whatever becomes of this: failing, it leaves it to the next look.
    """
    with contextlib.suppress(OSError, sqlite3.Error):
        if not is_long(database) or _was_in_vain(lock):
            return
        copied = copy_log(guard, database, lock)
        if copied and not copied.whole:
            _note_part(lock, str(copied.database))


def _note_part(lock: str, pages: str) -> None:
    """Tell all who write how far a checkpoint came; that it came no further than the one before, by the time of this.

    Where readers are short, each comes a little further, and all that is needed is another.
    """
    with open(lock, "r+", encoding="ascii") as file:
        further = file.read() != pages
        file.seek(0)
        file.truncate()
        file.write(pages)
    if further:
        os.utime(lock, (0, 0))


def _was_in_vain(lock: str) -> bool:
    """Whether that was noted a moment ago; a clock that was set makes it no longer than usual."""
    with contextlib.suppress(FileNotFoundError):
        noted = os.stat(lock)
        return noted.st_size > 0 and abs(time.time() - noted.st_mtime) < RETRY_SECONDS
    return False


def checkpoint(guard: sqlite3.Connection, database: str, lock: str) -> bool:
    """Copy the log as far as `copy_log` can; False where another process is at it or holds the write lock."""
    return copy_log(guard, database, lock) is not None


def copy_log(guard: sqlite3.Connection, database: str, lock: str) -> Copied | None:
    """Copy the log into the database while `guard`, a connection that is in no transaction, keeps writers out.

    Readers keep what they have not seen the end of from being copied. Returns None, having done nothing, where
    another process is at it or holds the write lock.
    """
    with contextlib.ExitStack() as held:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        held.callback(os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            guard.execute("BEGIN IMMEDIATE")
        except (BlockingIOError, sqlite3.OperationalError):
            return None
        held.callback(guard.execute, "ROLLBACK")
        copier = sqlite3.connect(database, isolation_level=None)
        held.callback(copier.close)
        copier.execute("PRAGMA wal_autocheckpoint = 0")
        failpoints.reached(Failpoint.CHECKPOINTING)
        [(_, log, copied)] = copier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        failpoints.reached(Failpoint.CHECKPOINTED)
        return Copied(log, copied)


# ---------------------------------------------------------------- who holds it up


def held_up(home: Home) -> HeldUp | None:
    """Whether readers keep a long log from being copied, and which; None where they do not, or nobody can tell.

    Whether all is copied stands in memory that SQLite shares, which only a checkpoint tells. So one is made, by the
    rules of every writer, where the log is long: it costs next to nothing if there is nothing to copy.
    """
    if not is_long(home.database, HELD_UP_PAGES):
        return None
    from queuectl_core.store.sqlite.holders import readers  # here, since no plain command needs it

    before = readers(home.database)
    try:
        copied = _copied_patiently(home)
    except (OSError, sqlite3.Error):
        return None
    if copied is None or copied.whole:
        return None
    time.sleep(LOOK_SECONDS)
    return HeldUp(copied.log * (_FRAME_HEADER + PAGE_BYTES), tuple(sorted(before & readers(home.database))))


def _copied_patiently(home: Home) -> Copied | None:
    with contextlib.ExitStack() as held:
        gate = Gate(home, PATIENCE)
        held.callback(gate.close)
        guard = sqlite3.connect(home.database, timeout=PATIENCE, isolation_level=None)
        held.callback(guard.close)
        guard.execute("PRAGMA wal_autocheckpoint = 0")
        held.enter_context(gate.passed())
        return copy_log(guard, home.database, home.lock("checkpoint"))
