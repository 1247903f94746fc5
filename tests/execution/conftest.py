"""A queue for each test, with real pools on it; none of its processes outlives the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.execution.pools import Gate, LiveQueue
from tests.homes import prepared_home


@pytest.fixture(autouse=True)
def _no_home_but_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person's environment says does not reach a test."""
    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE", "QUEUECTL_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _back_where_we_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a command is nowhere after it, as a worker is."""
    monkeypatch.chdir(os.getcwd())


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is prepared."""
    return prepared_home(tmp_path)


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LiveQueue]:
    """A queue in a home of its own; fails where a process of it is left when its test ends."""
    live = LiveQueue(tmp_path)
    yield live
    live.leave()


@pytest.fixture
def gate(queue: LiveQueue) -> Gate:
    """A gate that jobs wait at."""
    return queue.gate("gate")
