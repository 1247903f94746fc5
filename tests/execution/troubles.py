"""Trouble that a test makes for the processes of a pool, mostly with the store, at the very moment that it is about."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from queuectl_core.execution import keeper, maintenance, survivors, watch, worker
from queuectl_core.model.errors import OutcomeUnknown, StoreBusy, StoreError
from queuectl_core.store.sqlite.store import SqliteStore


class Trouble(StrEnum):
    """What a worker meets."""

    BUSY_MEANWHILE = "others hold the store for longer than a worker waits for it while its command runs"
    GIVEN_BACK_UNANSWERED = "jobs are given back, and the answer to that is lost"
    CLAIM_FORGOTTEN = "jobs are claimed, the answer to that is lost, and later nobody knows what became of it"
    NEWS_TARRIES = "after a run that a signal ended, a worker waits for the news of a shutdown that never comes"
    STEPS_IN_VAIN = "a keeper can do nothing of what it does each second"
    UNKILLABLE = "processes that left the session of a command cannot be ended, as those of another user cannot"
    UNANSWERED = "a connection to a server breaks at a commit, which was made or not"


def make(trouble: Trouble, odds: float = 1.0) -> None:
    """Make this trouble, in this process and those that it forks; so likely each time, where it can come again."""
    match trouble:
        case Trouble.BUSY_MEANWHILE:
            SqliteStore.impatient = _in_vain(odds)  # type: ignore[method-assign]
        case Trouble.GIVEN_BACK_UNANSWERED:
            SqliteStore.run = _unanswered(SqliteStore.run)  # type: ignore[method-assign]
        case Trouble.CLAIM_FORGOTTEN:
            SqliteStore.run = _forgotten(SqliteStore.run)  # type: ignore[method-assign]
        case Trouble.NEWS_TARRIES:
            worker.SHUTDOWN_NOTICE = 3600.0
        case Trouble.STEPS_IN_VAIN:
            keeper.STEP_SECONDS = 0.001
            maintenance.Maintenance.step = _refuse  # type: ignore[method-assign, assignment]
        case Trouble.UNKILLABLE:
            survivors.send = watch.send = lambda *_: None  # type: ignore[attr-defined]
            watch.PATIENCE = 0.2
            survivors.end_survivors.__defaults__ = (watch.PATIENCE,)
        case Trouble.UNANSWERED:
            from queuectl_core.store.postgres.connecting import Bounded

            Bounded.execute = _broken_at_commits(Bounded.execute, odds)  # type: ignore[method-assign]


def _refuse(*_: Any) -> Any:
    raise StoreBusy("the store is busy")


def _in_vain(odds: float) -> Any:
    @contextmanager
    def impatient(store: SqliteStore, _seconds: float = 0.0) -> Iterator[None]:
        usual = store.run
        if random.random() < odds:
            store.run = _refuse  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            store.run = usual  # type: ignore[method-assign]

    return impatient


def _unanswered(run: Any) -> Any:
    lost: list[Any] = []

    def losing(store: SqliteStore, transaction: Any) -> Any:
        answer = run(store, transaction)
        if transaction.function.__name__ == "unclaim" and transaction.args[0] and not lost:
            lost.append(answer)
            raise StoreError("the store gave no answer")
        return answer

    return losing


def _forgotten(run: Any) -> Any:
    lost: list[Any] = []

    def forgetting(store: SqliteStore, transaction: Any) -> Any:
        if transaction in lost:
            raise OutcomeUnknown("nobody knows what became of it")
        answer = run(store, transaction)
        mark = Path(store.home.path, "forgotten")  # Once: the worker that comes after this one has no such trouble.
        if transaction.function.__name__ == "take_turns" and answer.claimed and not mark.exists():
            mark.touch()
            lost.append(transaction)
            raise StoreError("the store gave no answer")
        return answer

    return forgetting


def _broken_at_commits(execute: Any, odds: float) -> Any:
    def breaking(connection: Any, query: Any, *rest: Any, **more: Any) -> Any:
        if query == "COMMIT" and random.random() < odds:
            if random.random() < 0.5:
                execute(connection, query)
            connection.pgconn.finish()
        return execute(connection, query, *rest, **more)

    return breaking
