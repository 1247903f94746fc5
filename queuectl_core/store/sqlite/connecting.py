"""How every connection to the SQLite file is set up, blocking or not."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time

from queuectl_core.model.errors import StoreDamaged, StoreError
from queuectl_core.store.home import Home, cannot_use, refuse_link
from queuectl_core.store.statements import read_queries

BUSY_SECONDS = 60.0
"""How long a connection waits for another's write transaction before it gives up."""

PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    # Checkpoints are made under guard alone; see wal.py.
    "PRAGMA wal_autocheckpoint = 0",
    # Some builds overwrite what was deleted by default, which doubles the pages a claim writes.
    "PRAGMA secure_delete = OFF",
    "PRAGMA synchronous = FULL",
)


QUERIES = read_queries(os.path.dirname(__file__))


def wall_clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def make_file(home: Home) -> None:
    """Make an empty database file that only its owner can read, unless there is one.

    SQLite itself would make it by the umask. The file is never opened outside SQLite once it exists:
    closing it would drop the locks that this process holds on it. Raises as `refuse_emptied`.
    """
    refuse_emptied(home)
    if os.path.lexists(home.database):
        refuse_link(home.database)
        return
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(home.database, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise cannot_use(home.database, error) from error


def find_file(home: Home) -> None:
    """See to it that there is a database with something in it, and make none. Raises StoreError, or as `make_file`."""
    if not os.path.exists(home.database):
        raise StoreError(f"{home.database} is gone", "put it back, or stop the pool")
    refuse_link(home.database)
    refuse_emptied(home)
    if not _holds_something(home.database):
        raise StoreDamaged(f"{home.database} is empty", "put back what was there, or stop the pool")


def refuse_emptied(home: Home) -> None:
    """Raise StoreDamaged where the database is empty or gone, and what lies beside it says that it held jobs.

    SQLite would take it for a new one, and remove the log that may be all that is left of it.
    """
    # Twice, since somebody may be making the store: its file is never empty once one of the traces is there.
    if _holds_something(home.database) or not (trace := trace_of_jobs(home)) or _holds_something(home.database):
        return
    what = "is empty" if os.path.lexists(home.database) else "is gone"
    hint = f"put it back, or restore a backup; to begin anew, move {home.path} away"
    raise StoreDamaged(f"{home.database} {what}, but {trace} is left of its jobs", hint)


def _holds_something(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # Whatever is wrong with it, SQLite will say.


def trace_of_jobs(home: Home) -> str:
    """A file beside the database that tells of jobs in it: its write-ahead log, or that of a run; else empty."""
    log = f"{home.database}-wal"
    if os.path.exists(log) and _holds_something(log):
        return log
    for folder in _names_in(home.logs):
        for name in _names_in(f"{home.logs}/{folder}"):
            return f"{home.logs}/{folder}/{name}"
    return ""


def _names_in(folder: str) -> list[str]:
    """What a folder holds; nothing where it is a link, which may lead to what is none of ours."""
    with contextlib.suppress(OSError):
        return [] if os.path.islink(folder) else os.listdir(folder)
    return []


def configure(connection: sqlite3.Connection) -> None:
    """Set what SQLite keeps by connection."""
    for pragma in PRAGMAS:
        connection.execute(pragma)
