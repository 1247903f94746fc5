"""Stores of older versions as tests bring them up to date, and what is looked at once that was done or cut short."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from queuectl_core.store.home import Home, prepare_folders, prepare_home
from queuectl_core.store.sqlite import schema
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import miscounted
from tests.store.fixtures.make import FOLDER

ROOT = Path(__file__).parents[2]
OLD = schema.VERSION
"""The version of today; to the program in `upgrading.py` it is an older one."""
FIXTURES = sorted(FOLDER.glob("v*.db.gz"), key=lambda path: int(path.name[1:].partition(".")[0]))
ADD_COLUMN = "ALTER TABLE jobs ADD COLUMN note TEXT;"


def unpacked(fixture: Path, folder: Path) -> Home:
    """A home with the store of a fixture in it."""
    home = Home(str(folder / "home"))
    prepare_home(home)
    prepare_folders(home)
    with gzip.open(fixture) as packed:
        Path(home.database).write_bytes(packed.read())
    os.chmod(home.database, 0o600)
    return home


def sound(path: str) -> int:
    """The version of a database that SQLite finds nothing wrong with."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def ids_in(path: str) -> list[str]:
    """The ids of the jobs in a database, of whatever version."""
    with closing(sqlite3.connect(path)) as connection:
        return [
            text
            for (text,) in connection.execute("SELECT coalesce(name, CAST(number AS TEXT)) FROM jobs ORDER BY number")
        ]


def check_what_is_left(home: Home, folder: Path, ids: list[str]) -> int:
    """That a store, and each backup of it, is sound and whole; its version.

    A copy of the files is looked at, so that the next to open them finds them as the kill left them.
    """
    aside = Home(str(folder / "aside"))
    shutil.copytree(home.path, aside.path)
    try:
        version = sound(aside.database)
        assert ids_in(aside.database) == ids
        for backup in Path(aside.path).glob("*.backup"):
            assert f"queue.db.v{sound(str(backup))}.backup" == backup.name
            assert ids_in(str(backup)) == ids
        if version == OLD:
            with SqliteStore(aside) as store:  # as the program of that version opens it
                assert store.run(miscounted()) == {}
        return version
    finally:
        shutil.rmtree(aside.path)


def upgrade(home: Home, steps: list[str], point: str = "") -> subprocess.Popen[str]:
    """Start the later version of the program on a home, to die at a failpoint if one is given."""
    order = json.dumps({"steps": steps, "point": point})
    return subprocess.Popen(
        [sys.executable, "-m", "tests.crash.upgrading", order],
        cwd=ROOT,
        env={**os.environ, "QUEUECTL_HOME": home.path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(home: Home, steps: list[str]) -> None:
    """Bring the store up to date, and leave."""
    with upgrade(home, steps) as process:
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "opens\ndone\n")
    assert sound(home.database) == OLD + len(steps)
    assert not list(Path(home.path).glob("*.part"))
