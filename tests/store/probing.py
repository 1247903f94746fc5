"""A transaction for tests that asks a connection about itself, of any kind of transaction."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl_core.store.sqlite.connecting import QUERIES
from queuectl_core.store.statements import Kind, Statement, Steps, Transaction


def _steps(name: str) -> Steps[Any]:
    rows = yield Statement(name)
    return rows[0][0]


def asking(monkeypatch: pytest.MonkeyPatch, kind: Kind, query: str) -> Transaction[Any]:
    """A transaction of that kind that returns the first value of a query, read within it."""
    monkeypatch.setitem(QUERIES, query, query)
    return Transaction(_steps, (query,), {}, kind)
