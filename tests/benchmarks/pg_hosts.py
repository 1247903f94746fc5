"""What a job costs as hosts grow from one to eight, each of one worker: the rate amid the work, commits, and log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

from queuectl_core.model.job import JobState
from queuectl_core.store.contract import Store
from queuectl_core.store.opening import open_home
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.ground import PATIENCE
from tests.benchmarks.measuring import Measure, Pairs, compared
from tests.benchmarks.options import Options
from tests.benchmarks.pg_ground import enqueue_copies, host, new_store, running_hosts
from tests.benchmarks.pg_server import Server, durable_server

HOSTS = (1, 2, 4, 8)
REPETITIONS = 2
JOBS = 8000
"""More than are done in the time in which they are counted."""

SETTLING, WINDOW = 1.0, 2.0
"""Seconds after the first job that are not measured, and that are."""


class Pace(NamedTuple):
    """What a while of work was: jobs a second, and a job's commits and bytes of write-ahead log."""

    rate: float
    commits: float
    log: float


class Gauge(NamedTuple):
    """What had been done at an instant."""

    at: float
    done: int
    commits: int
    log: int


def measure(_: Options) -> Iterator[Measure]:
    """Each number of hosts against one host."""
    with durable_server() as server:
        yield server.described()
        rounds = [{hosts: _pace(server, hosts) for hosts in HOSTS} for _ in range(REPETITIONS)]
    for hosts in HOSTS:
        mine, one = ([paces[n] for paces in rounds] for n in (hosts, 1))
        name = f"{hosts} host{'s' if hosts > 1 else ''} of 1 worker | 1 host"
        yield compared(f"rate of true jobs, {name}", "jobs/s", Pairs([p.rate for p in mine], [p.rate for p in one]))
        yield compared(f"commits a job, {name}", "", Pairs([p.commits for p in mine], [p.commits for p in one]))
        yield compared(f"write-ahead log a job, {name}", "kB", Pairs([p.log for p in mine], [p.log for p in one]))


def _pace(server: Server, hosts: int) -> Pace:
    with new_store(server) as url, running_hosts(url, hosts), open_home(host(url)) as store:
        enqueue_copies(url, "true", JOBS)
        _await_first(store)
        time.sleep(SETTLING)
        first = _gauge(server, store)
        time.sleep(WINDOW)
        last = _gauge(server, store)
        if last.done >= JOBS:
            raise RuntimeError(f"{JOBS} jobs were too few")
    done = last.done - first.done
    return Pace(
        done / (last.at - first.at), (last.commits - first.commits) / done, (last.log - first.log) / done / 1000
    )


def _await_first(store: Store) -> None:
    deadline = time.monotonic() + PATIENCE
    while not _completed(store):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no job was done within {PATIENCE:g} s")
        time.sleep(0.02)


def _gauge(server: Server, store: Store) -> Gauge:
    done, at = _completed(store), time.perf_counter()
    with server.connect() as connection:
        [(commits, log)] = connection.execute(
            "SELECT pg_stat_get_db_xact_commit(oid), (pg_current_wal_lsn() - '0/0')::bigint"
            " FROM pg_database WHERE datname = current_database()"
        )
    return Gauge(at, done, int(commits), int(log))


def _completed(store: Store) -> int:
    return store.run(summary()).jobs[JobState.COMPLETED]
