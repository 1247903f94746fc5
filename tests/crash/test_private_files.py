"""Everything that a queue leaves on a disk is its owner's alone, whatever the umask, through a whole life of it."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.schema import back_up
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_tui.remembered import Choices, save
from tests.cli.line import run_program
from tests.execution.pools import Gate
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

SEEN = {
    "home", "run", "logs", "queue.db", "queue.db-wal", "queue.db-shm", "queue.db.v1.backup",
    "schema.lock", "line.lock", "write.lock", "checkpoint.lock", "bells", "any", "control", "pool.log", "0", "1.1.log",
}  # fmt: skip
"""Names that are there while a pool runs; beside them locks and bells of its own."""


@pytest.fixture(params=[0o000, 0o077, 0o177], ids=oct)
def _umask(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # After the folder of the test, and without bytecode: folders of others, which nobody but root could enter then.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    before = os.umask(request.param)
    yield
    os.umask(before)


def everything(folder: Path) -> list[Path]:
    """The folder and all that is beneath it."""
    return [folder, *folder.rglob("*")]


def shared(folder: Path) -> list[str]:
    """What of it anybody but its owner may use, or its owner may not."""
    found = []
    for path in everything(folder):
        mode = path.lstat().st_mode
        if stat.S_IMODE(mode) != (0o700 if stat.S_ISDIR(mode) else 0o600):
            found.append(f"{path}: {stat.filemode(mode)}")
    return found


@pytest.mark.usefixtures("_umask")
def test_a_whole_life_leaves_nothing_that_others_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE"):
        monkeypatch.delenv(name, raising=False)
    data = tmp_path / "data"
    home = Home(str(data / "share" / "home"))
    gate = Gate(tmp_path, "gate")

    def queuectl(*arguments: str, stdin: str | None = None) -> str:
        ran = run_program(home, *arguments, stdin=stdin)
        assert ran.status == 0, ran
        return ran.out

    queuectl("init")
    queuectl("enqueue", "--", "echo said")
    queuectl("enqueue", "--from", "-", "--lines", stdin=f"{gate.command}\ntrue\n")
    queuectl("worker", "start", "--detach", "--count=2")
    try:
        assert eventually(gate.pid) > 0
        queuectl("wait", "1", "3")
        eventually(lambda: [path for path in everything(data) if path.is_fifo() and path.parent.name == "any"])
        assert queuectl("logs", "1") == "said\n"
        queuectl("doctor")
        with SqliteStore(home) as store:
            assert store.checkpoint()
        with closing(sqlite3.connect(home.database)) as connection:
            back_up(connection, f"{home.database}.v1.backup")
        assert save(str(data / "config" / "queuectl" / "console.json"), Choices())

        assert {path.name for path in everything(data)} >= SEEN
        assert sum(path.is_fifo() for path in everything(data)) >= 4
        assert shared(data) == []
    finally:
        gate.open()
        queuectl("worker", "stop")
        gate.close()
    assert shared(data) == []
