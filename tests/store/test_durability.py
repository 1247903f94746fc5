"""What is on the disk before it is acknowledged, and what need not be."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl_core.model.job import Changes, NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Kind, Statement, Steps, Transaction, work
from queuectl_core.store.transactions import (
    arrivals,
    changes,
    claims,
    dead_letters,
    queues,
    settings,
    statistics,
)
from queuectl_core.store.transactions.arrivals import enqueue
from tests.store.probing import asking

NORMAL, FULL = 1, 2
SYNCHRONOUS = "PRAGMA synchronous"


def test_what_a_person_asks_for_is_flushed_and_what_a_worker_does_is_not(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, level in [(Kind.WRITE, FULL), (Kind.WORK, NORMAL), (Kind.WORK, NORMAL), (Kind.WRITE, FULL)]:
        assert sqlite_store.run(asking(monkeypatch, kind, SYNCHRONOUS)) == level


def test_a_read_in_between_changes_nothing(sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [Kind.WORK, Kind.READ, Kind.WRITE, Kind.READ, Kind.WORK]
    levels = [sqlite_store.run(asking(monkeypatch, kind, SYNCHRONOUS)) for kind in kinds]

    assert (levels[2], levels[4]) == (FULL, NORMAL)


def test_where_it_is_set_so_everything_is_flushed(sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sqlite_store.run(asking(monkeypatch, Kind.WORK, SYNCHRONOUS)) == NORMAL
    sqlite_store.always_durable = True
    assert sqlite_store.run(asking(monkeypatch, Kind.WORK, SYNCHRONOUS)) == FULL

    sqlite_store.always_durable = False
    assert sqlite_store.run(asking(monkeypatch, Kind.WORK, SYNCHRONOUS)) == NORMAL


@work
def break_off() -> Steps[None]:
    """A transaction that fails half way."""
    yield Statement("now")
    raise ZeroDivisionError


def test_a_store_that_failed_in_a_transaction_still_flushes_the_next(
    sqlite_store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ZeroDivisionError):
        sqlite_store.run(break_off())
    assert sqlite_store.run(asking(monkeypatch, Kind.WRITE, SYNCHRONOUS)) == FULL


async def test_the_console_flushes_all_it_does(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async with await AsyncSqliteStore.open(home) as store:
        await store.run(enqueue(NewJob("true")))
        for kind in (Kind.WRITE, Kind.WORK):
            assert await store.run(asking(monkeypatch, kind, SYNCHRONOUS)) == FULL


def test_every_change_that_a_person_asks_for_is_of_the_durable_kind() -> None:
    asked: list[Transaction[Any]] = [
        arrivals.enqueue(NewJob("true")),
        arrivals.enqueue_rows(list, str),
        changes.cancel([]),
        changes.retry([]),
        changes.delete([]),
        changes.edit("1", Changes()),
        dead_letters.retry_dead([]),
        dead_letters.retry_all_dead(0),
        queues.pause([]),
        queues.resume([]),
        settings.set_setting("workers", "1"),
        settings.unset_setting("workers"),
        statistics.recount(),
    ]

    assert {transaction.kind for transaction in asked} == {Kind.WRITE}
    assert claims.take_turn(None, None).kind is Kind.WORK
