"""A queue for each test, and the console on it as a process at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.store import SqliteStore
from tests.console.terminal.screen import Screen, screen
from tests.store.engines import BlockingSqlite, Clock

Console = Callable[..., AbstractContextManager[Screen]]


@pytest.fixture(autouse=True)
def _no_person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a person's environment and configuration say does not reach a test, nor a test them."""
    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE", "NO_COLOR", "QUEUECTL_DEBUG", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is not made yet."""
    return Home(str(tmp_path / "home"))


@pytest.fixture
def store(home: Home) -> Iterator[BlockingSqlite]:
    """Its store; the clock stands at the present."""
    clock = Clock()
    clock.now = wall_clock()
    with SqliteStore(home, clock=clock) as opened:
        yield BlockingSqlite(opened, clock)


@pytest.fixture
def console(home: Home) -> Console:
    """Start the console on the home: `with console("--read-only", columns=80) as screen:`."""

    def start(*options: str, columns: int = 100, rows: int = 30, **environment: str) -> AbstractContextManager[Screen]:
        command = [sys.executable, "-m", "queuectl_tui", "--home", home.path, *options]
        return screen(command, environment, columns, rows)

    return start
