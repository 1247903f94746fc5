"""What a keeper does on the side: recovery, retention, checkpoints, samples of depth, the log of pools kept short."""

from __future__ import annotations

import time
from collections.abc import Iterator

from queuectl_core.execution.logs import remove_logs
from queuectl_core.execution.pool_log import shorten
from queuectl_core.execution.recovery import PATIENCE, recover_lost
from queuectl_core.model.job import Job, JobState
from queuectl_core.model.settings import Settings
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.changes import forget
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.statistics import tidy

ROUND_SECONDS = 60.0
"""How often old jobs are forgotten, depths are sampled, and a long log of pools is put aside."""

FORGET_AT_ONCE = 200
"""How many jobs one transaction of retention removes, so that no claim waits long for it."""


class Maintenance:
    """The side work of one keeper; `step` is called about once a second."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._round_at = 0.0
        self._forgetting: Iterator[None] = iter(())

    def step(self, patience: float = PATIENCE) -> list[Job]:
        """Do what is due; returns the jobs that were recovered from dead workers, as `recover_lost` does."""
        recovered = recover_lost(self._store, patience)
        self._store.upkeep()
        if time.monotonic() >= self._round_at:
            self._round_at = time.monotonic() + ROUND_SECONDS
            self._store.run(tidy())
            shorten(self._store.home)
            self._forgetting = self._forget_old(self._store.run(settings()).values)
        # One chunk a step: deleting files fast slows down those who make them.
        next(self._forgetting, None)
        return recovered

    def _forget_old(self, values: Settings) -> Iterator[None]:
        keeps = {
            JobState.COMPLETED: values.keep_completed,
            JobState.CANCELLED: values.keep_cancelled,
            JobState.DEAD: values.keep_dead,
        }
        for state, keep in keeps.items():
            if keep is None:
                continue
            while gone := self._store.run(forget(state, round(keep * 1000), limit=FORGET_AT_ONCE)):
                remove_logs(self._store.home, gone)
                yield
