"""The stores that tests run on, each made fresh; the contract's is checked once more when its test ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import miscounted
from tests.store.engines import ENGINES, Engine


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Each store in turn. Whatever a test did to it, its counts are those of its jobs."""
    with ENGINES[request.param](tmp_path / "home") as engine:
        yield engine
        assert engine.run(miscounted()) == {}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is not made yet."""
    return Home(str(tmp_path / "home"))


@pytest.fixture
def sqlite_store(home: Home) -> Iterator[SqliteStore]:
    """The blocking SQLite store, for what is true of SQLite alone."""
    with SqliteStore(home) as opened:
        yield opened


@pytest.fixture
def unminded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No store looks at its log."""
    monkeypatch.setattr(wal, "COMMITS_A_LOOK", 10**9)
