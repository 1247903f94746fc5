"""How every connection to the SQLite file is set up, blocking or not."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time

from queuectl_core.store.home import Home, cannot_use
from queuectl_core.store.statements import load_queries

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


def read_queries() -> dict[str, str]:
    """The named statements of this engine."""
    with open(os.path.join(os.path.dirname(__file__), "queries.sql"), encoding="utf-8") as file:
        return load_queries(file.read())


QUERIES = read_queries()


def wall_clock() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def make_file(home: Home) -> None:
    """Make an empty database file that only its owner can read, unless there is one.

    SQLite itself would make it by the umask. The file is never opened outside SQLite once it exists:
    closing it would drop the locks that this process holds on it.
    """
    if os.path.lexists(home.database):
        return
    try:
        with contextlib.suppress(FileExistsError):
            os.close(os.open(home.database, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise cannot_use(home.database, error) from error


def configure(connection: sqlite3.Connection) -> None:
    """Set what SQLite keeps by connection."""
    for pragma in PRAGMAS:
        connection.execute(pragma)
