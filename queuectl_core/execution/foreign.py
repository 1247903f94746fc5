"""Recovery across hosts: who was not heard of for a whole lease loses its jobs. Any pool does it for all.

Nothing can be asked or ended there; those who live on end their commands by themselves before that
(`lease.py`), and find their tokens stale.
"""

from __future__ import annotations

import random

from queuectl_core.model.job import Job
from queuectl_core.model.settings import Settings
from queuectl_core.store.contract import Store
from queuectl_core.store.postgres.leases import SILENT, give_up, give_up_pools
from queuectl_core.store.transactions.claims import Held, Report, take_turn
from queuectl_core.store.transactions.workers import Roster


def recover_foreign(store: Store, known: Roster, site: str, values: Settings) -> list[Job]:
    """Give on the jobs of workers at other sites whose leases are over; returns them as they are then."""
    recovered: list[Job] = []
    for worker in known.workers:
        if worker.site != site and worker.silent:
            given_up = store.run(give_up(worker.id, values, random.random()))
            recovered += given_up
    if any(pool.site != site and pool.silent for pool in known.pools):
        store.run(give_up_pools())
    return recovered


def recover_unknown(store: Store, held: list[Held], values: Settings) -> list[Job]:
    """Give on jobs whose holders are on no roster, and have held them for a whole lease: their claims came too late."""
    if not held:
        return []
    now = store.clock()
    recovered = []
    for token, job in held:
        if (job.started_at or 0) + values.lease * 1000 <= now:
            report = Report(job.number, token, SILENT, values, random.random())
            if (ended := store.run(take_turn(report, None)).ended) is not None:
                recovered.append(ended)
    return recovered
