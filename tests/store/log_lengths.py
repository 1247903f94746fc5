"""How long the write-ahead log is, and jobs that make it long, for the tests of it."""

from __future__ import annotations

import os

import pytest

from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal

PAGE = 4096 + 24
BIG = NewJob("x" * 40_000)
"""A job that takes some ten pages."""


def log_bytes(home: Home) -> int:
    return os.stat(f"{home.database}-wal").st_size


def head_of_log(home: Home) -> bytes:
    """The header of the log: the number of the checkpoint that it was begun after, and its salts."""
    with open(f"{home.database}-wal", "rb") as log:
        return log.read(32)


def minded_closely(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have a log minded after every 4th commit; the bytes it may then take (12 pages a commit at most)."""
    monkeypatch.setattr(wal, "LONG_LOG_PAGES", 20)
    monkeypatch.setattr(wal, "COMMITS_A_LOOK", 4)
    return (20 + 4 * 20) * PAGE
