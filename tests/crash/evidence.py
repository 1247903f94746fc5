"""What is left after a storm: gathered here, once all pools have left, and judged in `checker.py`."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from queuectl_core.execution.processes import all_processes
from queuectl_core.model.job import Attempt, Job, Outcome
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.statistics import Minute, minutes_since, miscounted
from queuectl_core.store.transactions.workers import Roster, roster
from tests.crash.ledger import Line

COLUMNS = (
    "attempt",
    "outcome",
    "exit_code",
    "signal",
    "error",
    "started_at",
    "finished_at",
    "duration_ms",
    "worker",
    "output_bytes",
)
"""What an `Attempt` is made of."""

FIXED_LOCKS = {"schema.lock", "line.lock", "write.lock", "checkpoint.lock", "recovery.lock"}


class Run(NamedTuple):
    """A row of the history, with the token that its run carried, and all that its log holds.

    `output` is None where there is no log, and may be none: of a run that did not complete on one of several hosts.
    """

    row: Attempt
    token: str | None
    output: bytes | None = b""


class Told(NamedTuple):
    """What whoever made the storm knows of it.

    `acknowledged` are the ids that an enqueue gave back, `batches` the ids that one command was given, whatever it
    said. `delays` are those (ms) that jobs were enqueued with, `resets` how many runs a job had each time it was
    retried. `longest_log` is the most that the write-ahead log was seen to take, in bytes. Not `keeps_output` where the
    disk did not take or keep what was written.
    """

    acknowledged: Sequence[str] = ()
    batches: Sequence[Sequence[str]] = ()
    delays: Mapping[str, int] = {}
    resets: Mapping[str, Sequence[int]] = {}
    longest_log: int = 0
    keeps_output: bool = True


class Backoff(NamedTuple):
    """The settings by which failed jobs wait: `base` to the power of the attempts, in s, at most `maximum` ms."""

    base: float
    maximum: int


class Evidence(NamedTuple):
    """What is left once all pools have left.

    `damage` is what SQLite finds wrong where it keeps the jobs, `left` the files in `run/`, `blank` the hidden logs and
    `pids` the processes that should be gone, `locked` the files whose lock somebody still holds.
    """

    told: Told
    lines: list[Line]
    jobs: list[Job]
    runs: dict[int, list[Run]]
    backoff: Backoff
    minutes: list[Minute]
    miscounted: dict[tuple[str, str], tuple[int, int]]
    roster: Roster
    damage: list[str]
    left: list[str]
    blank: list[str]
    pids: list[int]
    locked: list[str]


def look(store: Store, told: Told, lines: list[Line], homes: Sequence[Home] = ()) -> Evidence:
    """Gather the evidence; nothing may run any more. `homes` are those of all hosts, where several share the queue."""
    values = store.run(settings()).values
    homes = homes or [store.home]
    pids = [pid for home in homes for pid in processes_of(home)]
    rows, damage = _in_file(store.home) if store.home.url is None else (_on_server(store.home.url), [])
    return Evidence(
        told._replace(longest_log=max(told.longest_log, log_size(store.home))),
        lines,
        store.run(page(limit=10_000_000)),
        _by_job(rows, homes if told.keeps_output else ()),
        Backoff(values.backoff_base, round(values.backoff_max * 1000)),
        store.run(minutes_since(60 * 24)),
        store.run(miscounted()),
        store.run(roster()),
        damage,
        [name for home in homes for name in left_in_run(home)],
        [path.name for home in homes for path in Path(home.logs).glob(".*.log")],
        pids,
        # While somebody lives it is no wonder that locks are held, and the process is what is wrong.
        [] if pids else [name for home in homes for name in locked_files(home)],
    )


RUNS = f"SELECT job, token, {', '.join(COLUMNS)} FROM {{}}runs ORDER BY job, attempt"


def _in_file(home: Home) -> tuple[list[Any], list[str]]:
    """Every run, and what is wrong with the file."""
    with closing(sqlite3.connect(home.database, timeout=0, isolation_level=None)) as connection:
        return connection.execute(RUNS.format("")).fetchall(), _damage(connection)


def _on_server(url: str) -> list[Any]:
    address = parse_address(url)
    with psycopg.connect(address.conninfo) as connection:
        return connection.execute(RUNS.format(f"{address.schema}.")).fetchall()


def _by_job(rows: Iterable[Any], homes: Sequence[Home]) -> dict[int, list[Run]]:
    """The runs of every job, by its number, with their logs in these homes: in one go, since there may be a hundred
    thousand jobs."""
    found: dict[int, list[Run]] = {}
    for job, token, *columns in rows:
        row = Attempt.from_row(columns)
        logs = [path for home in homes if (path := Path(home.log(job, row.attempt))).exists()]
        may_lack = not homes or (len(homes) > 1 and row.outcome is not Outcome.COMPLETED)
        output = logs[0].read_bytes() if logs else None if may_lack else b""
        found.setdefault(job, []).append(Run(row, token, output))
    return found


def _damage(connection: sqlite3.Connection) -> list[str]:
    sound = [text for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    dangling = [f"dangling reference: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return [*sound, *dangling, str(error)]
    return sound + dangling


def left_in_run(home: Home) -> list[str]:
    """The files in `run/` that belong to a pool or worker, drafts of locks and doorbells included."""
    found = [path for path in Path(home.run).rglob("*") if not path.is_dir()]
    return sorted(path.name for path in found if path.name not in FIXED_LOCKS)


def locked_files(home: Home) -> list[str]:
    """The files in `run/` that somebody holds a lock on, be it shared."""
    return sorted(path.name for path in Path(home.run).rglob("*") if path.is_file() and is_locked(path))


def is_locked(path: Path) -> bool:
    """Whether somebody holds a lock on a file, be it shared."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def log_size(home: Home) -> int:
    """How much room the write-ahead log takes now, in bytes."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(f"{home.database}-wal").st_size
    return 0


def processes_of(home: Home) -> list[int]:
    """The pids of every living process that carries the home in its environment: of pools, and of jobs."""
    return [process.pid for process in all_processes() if not process.zombie and is_of(home, process.pid)]


def is_of(home: Home, pid: int) -> bool:
    """Whether a process carries the home in its environment."""
    return f"QUEUECTL_HOME={home.path}".encode() in environment_of(pid)


def environment_of(pid: int) -> list[bytes]:
    """The environment of a process, as entries; none where it has gone or we may not look."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def charged(run: Run) -> bool:
    """Whether a run used up an attempt."""
    return run.row.outcome is not Outcome.RELEASED
