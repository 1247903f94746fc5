"""A home for each test, its store, and the command line on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, store_at
from tests.store.engines import Engine


@pytest.fixture(autouse=True)
def _no_home_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person's environment says does not reach a test."""
    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE", "NO_COLOR", "QUEUECTL_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current directory was deleted."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    os.rmdir(gone)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is not made yet."""
    return Home(str(tmp_path / "home"))


@pytest.fixture
def store(home: Home) -> Iterator[Engine]:
    """Its store, open, with a clock that a test can move."""
    with store_at(home) as opened:
        yield opened


@pytest.fixture
def queuectl(home: Home, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line on it."""
    return CommandLine(home, capsys)
