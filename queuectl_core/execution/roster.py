"""Pools and workers as they really are: the store's roster, held against the kernel's locks."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from queuectl_core.execution.locks import alive, is_alive
from queuectl_core.execution.processes import is_stopped
from queuectl_core.model.job import Job
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.workers import Orders, Pool, Worker, roster


class WorkerState(StrEnum):
    """What a worker is doing. `STOPPED`: by SIGSTOP; it keeps its job. `LOST`: it died."""

    IDLE = "idle"
    BUSY = "busy"
    DRAINING = "draining"
    STOPPED = "stopped"
    LOST = "lost"


class WorkerView(NamedTuple):
    """A worker as people see it: no `queues` means all; `since` is when (ms) it took up its job or became idle."""

    id: str
    pool: str
    host: str
    pid: int
    state: WorkerState
    job: str | None
    since: int
    queues: tuple[str, ...]


def worker_views(store: SqliteStore) -> list[WorkerView]:
    """Every worker on the roster, dead ones that were not yet seen off included."""
    known = store.run(roster())
    jobs: dict[str | None, Job] = {}
    for held in store.run(processing()):
        # Of the short jobs that a worker claimed together, the first stands for all.
        jobs.setdefault(held.job.worker, held.job)
    draining = {pool.id for pool in known.pools if pool.orders is not Orders.RUN}
    living = alive(store.home)
    return [
        _view(worker, jobs.get(worker.id), worker.id in living, worker.draining or worker.pool in draining)
        for worker in known.workers
    ]


def _view(worker: Worker, job: Job | None, living: bool, draining: bool) -> WorkerView:
    return WorkerView(
        worker.id,
        worker.pool,
        worker.host,
        worker.pid,
        _state(worker, job, living, draining),
        job.id if job else None,
        job.started_at or worker.idle_since if job else worker.idle_since,
        worker.queues,
    )


def _state(worker: Worker, job: Job | None, living: bool, draining: bool) -> WorkerState:
    if not living:
        return WorkerState.LOST
    if is_stopped(worker.pid):
        return WorkerState.STOPPED
    if draining:
        return WorkerState.DRAINING
    return WorkerState.BUSY if job else WorkerState.IDLE


def living_pools(store: SqliteStore) -> list[Pool]:
    """The registered pools that are alive, the oldest first."""
    return [pool for pool in store.run(roster()).pools if is_alive(store.home, pool.id)]
