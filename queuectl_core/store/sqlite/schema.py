"""The schema of the SQLite store: is this file ours, is it current, and how it is brought up to date.

The version stands in `PRAGMA user_version`. Migrations are numbered files, each applied in one
transaction; before one runs, the file is copied beside itself. Running pools hold a shared lock on the
schema, and a migration needs it exclusively.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from queuectl_core.model.errors import NewerSchema, NotAStore, OldSqlite, SchemaInUse
from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home, prepare_folders
from queuectl_core.store.sqlite.wal import PAGE_BYTES
from queuectl_core.store.statements import read_migrations

APPLICATION_ID = 0x71756575
"""Marks a file as ours in its header; "queu" in ASCII."""

OLDEST_SQLITE = (3, 37, 0)
"""The first with STRICT tables."""

VERSION = 3
"""The schema version that this program reads and writes; a file in `migrations/` leads to each."""

PATIENCE = 5.0
"""Seconds to wait for another process that is making or migrating the schema."""


def sqlite_version() -> tuple[int, int, int]:
    """The version of the SQLite library in use."""
    return sqlite3.sqlite_version_info


def migrations() -> dict[int, str]:
    """The SQL of every migration, by the version it leads to."""
    return read_migrations(os.path.dirname(__file__))


def ensure_schema(connection: sqlite3.Connection, home: Home) -> None:
    """Make or migrate the schema where need be.

    Raises OldSqlite, NotAStore, NewerSchema or SchemaInUse, and leaves the file as it is then.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise OldSqlite(f"SQLite {sqlite3.sqlite_version} is too old", "use a Python with SQLite 3.37 or newer")
    needed = needs_migration(connection, home.database, VERSION)
    prepare_folders(home)
    if needed:
        migrate(connection, home, migrations())
    # A file that was put back from a copy may have lost its log: those of `.recover` and VACUUM INTO keep none.
    elif connection.execute("PRAGMA journal_mode").fetchall() != [("wal",)]:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()


def needs_migration(connection: sqlite3.Connection, path: str, current: int) -> bool:
    """Whether the schema is missing or older than `current`. Raises NotAStore or NewerSchema."""
    # One statement, so that all three are read from one snapshot: another process may be making the schema.
    [(application, version, tables)] = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchall()
    if application != APPLICATION_ID:
        if application or version or tables:
            raise NotAStore(f"{path} belongs to another program", "move it away or choose another --home")
        return True
    if version > current:
        raise NewerSchema(f"{path} was written by a newer queuectl (schema {version})", "upgrade queuectl")
    return bool(version < current)


def migrate(connection: sqlite3.Connection, home: Home, steps: Mapping[int, str]) -> None:
    """Apply the steps that lead from the file's version to the newest: each in one transaction, or all of them in one
    where the store is new, so that one whose making was cut short holds nothing.
    """
    newest = max(steps)
    with _alone_with_schema(connection, home, newest) as needed:
        if not needed:
            return
        [(version,)] = connection.execute("PRAGMA user_version").fetchall()
        if version:
            back_up(connection, f"{home.database}.v{version}.backup")
        else:
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()  # commands may be writing; see wal.py
        wanted = range(version + 1, newest + 1)
        if not version:
            _apply(connection, newest, "\n".join(steps[step] for step in wanted))
            return
        for step in wanted:
            _apply(connection, step, steps[step])


def _apply(connection: sqlite3.Connection, version: int, script: str) -> None:
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {script}\n{marks}")
        failpoints.reached(Failpoint.MIGRATING)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    failpoints.reached(Failpoint.MIGRATED)


def back_up(connection: sqlite3.Connection, path: str) -> None:
    """Copy the database as of now to `path`, whole or not at all, through SQLite's backup API."""
    draft = f"{path}.part"
    os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    copy = sqlite3.connect(draft, isolation_level=None)
    try:
        connection.backup(copy)
    finally:
        copy.close()
    failpoints.reached(Failpoint.BACKING_UP)
    os.replace(draft, path)
    _sync_folder(os.path.dirname(path))


def _sync_folder(path: str) -> None:
    """Have the names in a folder on the disk, before a migration is that a power cut does not undo."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone_with_schema(connection: sqlite3.Connection, home: Home, newest: int) -> Iterator[bool]:
    """Hold the schema exclusively; yields whether a migration is still needed once it is held."""
    lock = _open_lock(home)
    try:
        deadline = time.monotonic() + PATIENCE
        while not _locked(lock, fcntl.LOCK_EX):
            if not needs_migration(connection, home.database, newest):
                yield False
                return
            if time.monotonic() > deadline:
                raise SchemaInUse(
                    f"{home.database} needs a migration, but a pool or a console has it open",
                    "stop pools with 'queuectl worker stop' and close consoles",
                )
            time.sleep(0.01)
        yield needs_migration(connection, home.database, newest)
    finally:
        os.close(lock)


def hold_schema(connection: sqlite3.Connection, home: Home) -> int:
    """Keep migrations away for as long as the returned file descriptor is open.

    Raises NewerSchema where a newer program's migration came in between.
    """
    lock = _open_lock(home)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        needs_migration(connection, home.database, VERSION)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _open_lock(home: Home) -> int:
    return os.open(home.lock("schema"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _locked(lock: int, how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
