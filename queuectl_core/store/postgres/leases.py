"""Leases: how long hosts that share a queue rely on a worker of which nothing is heard.

Each worker and pool says now and then that it is alive. Whoever was not heard of for a whole lease, by the server's
clock, loses its jobs to the others. It ends its commands before that by itself (`queuectl_core.execution.lease`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from queuectl_core.model.job import Job, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.statements import Statement, Steps, work
from queuectl_core.store.transactions.claims import Report, end_runs
from queuectl_core.store.transactions.tallies import Tally

SILENT = Result(Outcome.LOST, error="its host was not heard of for a whole lease")


@work
def renew(lease_ms: int, workers: Iterable[str] = (), pools: Iterable[str] = ()) -> Steps[frozenset[str]]:
    """Say that these workers and pools may be relied on for `lease_ms`: alive, or their host sees to their jobs.

    A pool that speaks for workers never shortens what one has promised by itself, and goes by until its run is over.

    Returns those that were on the roster; the others were given up meanwhile.
    """
    found = yield Statement(
        "renew_workers", {"names": json.dumps(sorted(workers)), "lease_ms": lease_ms, "themselves": int(not pools)}
    )
    if pools:
        found += yield Statement("renew_pools", {"names": json.dumps(sorted(pools)), "lease_ms": lease_ms})
    return frozenset(name for (name,) in found)


@work
def give_up(worker: str, values: Settings, spread: float) -> Steps[list[Job]]:
    """Strike a worker whose lease is over off the roster, and end its runs as lost.

    Does nothing where it was heard of meanwhile. Returns its jobs as they are then; `spread` as in `Report`.
    """
    if not (yield Statement("give_up_worker", {"worker": worker})):
        return []
    [(now, _)] = yield Statement("now_and_version")
    held = yield Statement("runs_of_worker", {"worker": worker})
    tally = Tally(now)
    ended = yield from end_runs([Report(number, token, SILENT, values, spread) for number, token in held], now, tally)
    yield from tally.written()
    return [job for job in ended if job is not None]


@work
def give_up_pools() -> Steps[None]:
    """Strike pools whose leases are over off the roster."""
    yield Statement("give_up_pools")
