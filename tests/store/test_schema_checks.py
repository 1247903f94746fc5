"""What no job, run or setting can be is refused by the schema itself, whatever the code believes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore

PENDING: dict[str, Any] = {
    "number": 1,
    "name": "a",
    "command": "true",
    "argv": 0,
    "state": "pending",
    "queue": "default",
    "priority": 0,
    "attempts": 0,
    "max_retries": 3,
    "due": 0,
    "ready": 1,
    "cwd": "/",
    "created_at": 0,
    "updated_at": 0,
    "runs": 0,
    "cancelling": 0,
}
FAILED = {**PENDING, "state": "failed", "attempts": 1, "runs": 1}
PROCESSING = {**FAILED, "state": "processing", "ready": None, "token": "t"}
ENDED = {**FAILED, "ready": None, "finished_at": 1}
JOBS = [PENDING, FAILED, PROCESSING, *({**ENDED, "state": s} for s in ("completed", "dead", "cancelled"))]

RUN: dict[str, Any] = {"job": 1, "attempt": 1, "token": "t", "worker": "w", "started_at": 0}
ENDED_RUN = {**RUN, "finished_at": 1, "outcome": "completed", "exit_code": 0}


@pytest.fixture
def database(home: Home) -> Iterator[sqlite3.Connection]:
    """A connection that knows nothing of our code, in a transaction that is never committed."""
    with SqliteStore(home), closing(sqlite3.connect(home.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("BEGIN IMMEDIATE")
        yield connection


def insert(database: sqlite3.Connection, table: str, row: dict[str, Any]) -> None:
    columns = ", ".join(row)
    marks = ", ".join(f":{column}" for column in row)
    database.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job["state"])
def test_a_job_as_it_should_be_is_let_in(database: sqlite3.Connection, job: dict[str, Any]) -> None:
    insert(database, "jobs", job)


@pytest.mark.parametrize(
    "wrong",
    [
        {**PENDING, "name": "123"},
        {**PENDING, "name": ""},
        {**PENDING, "name": "x" * 129},
        {**PENDING, "command": ""},
        {**PENDING, "command": None},
        {**PENDING, "argv": 2},
        {**PENDING, "state": "paused"},
        {**PENDING, "queue": ""},
        {**PENDING, "priority": 1001},
        {**PENDING, "priority": -1001},
        {**PENDING, "priority": "high"},
        {**PENDING, "attempts": -1},
        {**PENDING, "max_retries": -1},
        {**PENDING, "timeout_ms": 0},
        {**PENDING, "due": None},
        {**PENDING, "ready": None},
        {**PENDING, "ready": 2},
        {**PENDING, "token": "t"},
        {**PENDING, "finished_at": 1},
        {**PENDING, "cancelling": 1},
        {**PENDING, "attempts": 1},
        {**PENDING, "attempts": 5, "runs": 5},
        {**FAILED, "ready": None},
        {**FAILED, "token": "t"},
        {**FAILED, "cancelling": 1},
        {**PROCESSING, "token": None},
        {**PROCESSING, "ready": 0},
        {**PROCESSING, "finished_at": 1},
        {**PROCESSING, "attempts": 5, "runs": 5},
        {**PROCESSING, "cancelling": 2},
        *({**ENDED, "state": state, "finished_at": None} for state in ("completed", "dead", "cancelled")),
        *({**ENDED, "state": state, "ready": 1} for state in ("completed", "dead", "cancelled")),
        *({**ENDED, "state": state, "token": "t"} for state in ("completed", "dead", "cancelled")),
        {**ENDED, "state": "dead", "cancelling": 1},
    ],
    ids=lambda wrong: " ".join(f"{k}={str(v)[:9]}" for k, v in wrong.items() if PENDING.get(k, ...) != v),
)
def test_a_job_that_cannot_be_is_refused(database: sqlite3.Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(database, "jobs", wrong)


def test_a_name_is_given_once(database: sqlite3.Connection) -> None:
    insert(database, "jobs", PENDING)

    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        insert(database, "jobs", {**PENDING, "number": 2})


@pytest.mark.parametrize(
    "wrong",
    [
        {**RUN, "job": 2},
        {**RUN, "attempt": 0},
        {**RUN, "token": None},
        {**RUN, "outcome": "completed"},
        {**RUN, "finished_at": 1},
        {**ENDED_RUN, "outcome": "exploded"},
        {**ENDED_RUN, "exit_code": 1},
        {**ENDED_RUN, "duration_ms": -1},
    ],
)
def test_a_run_that_cannot_be_is_refused(database: sqlite3.Connection, wrong: dict[str, Any]) -> None:
    insert(database, "jobs", PROCESSING)

    with pytest.raises(sqlite3.IntegrityError):
        insert(database, "runs", wrong)


def test_runs_of_one_job_have_numbers_of_their_own(database: sqlite3.Connection) -> None:
    insert(database, "jobs", PROCESSING)
    insert(database, "runs", ENDED_RUN)

    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        insert(database, "runs", RUN)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ("tails", {"job": 1, "attempt": 1, "output": b"of no run"}),
        ("queues", {"name": "a", "paused": 2}),
        ("versions", {"only": 2, "settings": 0}),
        ("tallies", {"minute": 0, "queue": "a", "measure": "size", "n": 1}),
        ("tallies", {"minute": 0, "queue": "a", "measure": "waiting"}),
        ("tallies", {"minute": 0, "queue": "a", "measure": ""}),
        ("tallies", {"minute": 0, "queue": "a", "measure": "", "ended": 1, "n": 1}),
        ("tallies", {"minute": 0, "queue": "a", "measure": "pending", "n": 1}),
        ("tallies", {"minute": 2147483647, "queue": "a", "measure": "waiting", "n": 1}),
        ("tallies", {"minute": 2147483647, "queue": "a", "measure": "", "ended": 1}),
        ("pools", {"id": "a", "host": "h", "pid": 1, "started_at": 0, "wanted": 0}),
        ("pools", {"id": "a", "host": "h", "pid": 1, "started_at": 0, "wanted": 1, "orders": "dance"}),
        ("workers", {"id": "a", "pool": "p", "host": "h", "pid": "x", "started_at": 0, "idle_since": 0}),
    ],
)
def test_a_row_that_cannot_be_is_refused(database: sqlite3.Connection, table: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(database, table, wrong)
