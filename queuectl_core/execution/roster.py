"""Pools and workers as they really are: the store's roster, held against the kernel's locks, and at other hosts against
their leases.

What a worker is doing is decided by `views_of`, which does no I/O, so that each face reads the store in its own way.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.execution.locks import alive
from queuectl_core.execution.processes import is_stopped
from queuectl_core.model.job import Command, Job
from queuectl_core.store.contract import Store
from queuectl_core.store.home import Home
from queuectl_core.store.site import site_of
from queuectl_core.store.transactions.claims import Held, processing
from queuectl_core.store.transactions.workers import Orders, Pool, Roster, Worker, roster


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
    command: Command | None = None


class Signs(NamedTuple):
    """The names of the workers and pools that are alive, as far as is known, and of the workers that are stopped."""

    living: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()


def signs(home: Home, known: Roster) -> Signs:
    """Ask the kernel who is alive, and which of these workers are stopped. It blocks for as long as `run/` is read.

    Who is at another site is alive as long as its lease lasts. Raises a StoreError where a home that shares its queue
    cannot say which site it is.
    """
    here = alive(home)
    stopped = frozenset(worker.id for worker in known.workers if worker.id in here and is_stopped(worker.pid))
    return Signs(here | _heard_of(known, site_of(home)), stopped)


def _heard_of(known: Roster, site: str) -> frozenset[str]:
    """The names of those at other sites whose leases last."""
    everybody: list[Pool | Worker] = [*known.pools, *known.workers]
    return frozenset(one.id for one in everybody if one.site != site and not one.silent)


def worker_views(store: Store) -> list[WorkerView]:
    """Every worker on the roster, dead ones that were not yet seen off included."""
    known = store.run(roster())
    held = store.run(processing())
    return views_of(known, held, signs(store.home, known))


def views_of(known: Roster, held: Sequence[Held], signs: Signs) -> list[WorkerView]:
    """The workers of a roster, in its order, given the jobs that are processed and what the kernel says."""
    jobs: dict[str | None, Job] = {}
    for one in held:
        # Of the short jobs that a worker claimed together, the first stands for all.
        jobs.setdefault(one.job.worker, one.job)
    draining = {pool.id for pool in known.pools if pool.orders is not Orders.RUN}
    return [
        _view(worker, jobs.get(worker.id), _state(worker, worker.id in jobs, worker.pool in draining, signs))
        for worker in known.workers
    ]


def _view(worker: Worker, job: Job | None, state: WorkerState) -> WorkerView:
    return WorkerView(
        worker.id,
        worker.pool,
        worker.host,
        worker.pid,
        state,
        job.id if job else None,
        job.started_at or worker.idle_since if job else worker.idle_since,
        worker.queues,
        job.command if job else None,
    )


def _state(worker: Worker, busy: bool, pool_drains: bool, signs: Signs) -> WorkerState:
    if worker.id not in signs.living:
        return WorkerState.LOST
    if worker.id in signs.stopped:
        return WorkerState.STOPPED
    if worker.draining or pool_drains:
        return WorkerState.DRAINING
    return WorkerState.BUSY if busy else WorkerState.IDLE


def living_pools(store: Store) -> list[Pool]:
    """The registered pools that are alive, the oldest first."""
    known = store.run(roster())
    living = signs(store.home, known).living
    return [pool for pool in known.pools if pool.id in living]


def stopped_pools(store: Store) -> list[Pool]:
    """The registered pools of this home that are stopped, by SIGSTOP or Ctrl+Z: they hear nothing."""
    here = alive(store.home)
    return [pool for pool in store.run(roster()).pools if pool.id in here and is_stopped(pool.pid)]


def arriving(store: Store) -> frozenset[str]:
    """The pools of this home that live and are not on the roster yet: they cannot be told anything."""
    living = {name for name in alive(store.home) if "-" not in name}
    return frozenset(living - {pool.id for pool in store.run(roster()).pools}) if living else frozenset()


def names_of_the_living(store: Store) -> frozenset[str]:
    """The names of every pool and worker that is alive: workers are POOL-N, pools have no hyphen."""
    if store.home.url is None:
        return alive(store.home)
    return signs(store.home, store.run(roster())).living


def any_worker(store: Store) -> bool:
    """Whether any worker is alive."""
    return any("-" in name for name in names_of_the_living(store))
