"""The log of pools in the background does not grow for ever."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from queuectl_core.execution import pool_log
from queuectl_core.execution.maintenance import Maintenance
from queuectl_core.execution.pool_log import APPEND, log_path, shorten
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from tests.homes import prepared_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepared_home(tmp_path)


def test_what_is_in_a_long_log_is_put_aside_and_its_writers_go_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_log, "MOST_BYTES", 100)
    log = Path(log_path(home))
    writer = os.open(log, APPEND, 0o600)
    try:
        for text in (b"first\n" * 20, b"second\n" * 20):
            os.write(writer, text)
            with SqliteStore(home) as store:
                Maintenance(store).step()
            assert (Path(f"{log}.1").read_bytes(), log.read_bytes()) == (text, b"")
        os.write(writer, b"third\n")
    finally:
        os.close(writer)
    shorten(home)
    assert log.read_bytes() == b"third\n"
    assert sorted(os.listdir(home.logs)) == ["pool.log", "pool.log.1"]
    assert os.stat(f"{log}.1").st_mode & 0o777 == 0o600


def test_what_lies_in_its_place_is_left_alone(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_log, "MOST_BYTES", 1)
    other = tmp_path / "other"
    other.write_text("somebody's")
    os.symlink(other, log_path(home))

    shorten(home)

    assert other.read_text() == "somebody's"
    assert os.listdir(home.logs) == ["pool.log"]
