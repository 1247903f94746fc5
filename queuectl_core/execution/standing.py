"""How a worker stands with the others: that it is alive is known by its lock, and on other hosts by its lease."""

from __future__ import annotations

import contextlib
import os
import socket
import time

from queuectl_core.execution.lease import Lease
from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.orders import WorkerOptions
from queuectl_core.execution.telling import Telling
from queuectl_core.execution.watch import Reason
from queuectl_core.model.errors import StoreError
from queuectl_core.model.job import Outcome
from queuectl_core.model.settings import Settings
from queuectl_core.store.contract import Store
from queuectl_core.store.site import site_of
from queuectl_core.store.sqlite.presence import Presence
from queuectl_core.store.transactions import workers

PRESENCE_LOOK = 0.05
"""Seconds between two looks at whether the store is where it belongs: one before each claim would be dear."""


class Standing:
    """The standing of one worker. `hold` is its lock, `values` are the settings that it begins with."""

    def __init__(self, store: Store, options: WorkerOptions, hold: Hold, telling: Telling, values: Settings) -> None:
        self._store = store
        self._options = options
        self._hold = hold
        self._telling = telling
        self._site = site_of(store.home)
        self.lease = Lease(self._site, values, self._renew)
        self._presence = Presence(store.home, os.getppid()) if store.home.url is None else None
        self._look_at = 0.0
        self.displaced = False
        """Whether the store was not where it belongs when we last looked."""

    @property
    def is_shared(self) -> bool:
        """Whether workers of other sites share the queue."""
        return bool(self._site)

    def register(self, version: int) -> None:
        """Become known, going by that version of the settings. Raises a StoreError."""
        options = self._options
        self.lease.begin()
        lease = workers.Lease(self._site, self.lease.lease_ms)
        where = (socket.gethostname(), os.getpid())
        self._store.run(workers.register_worker(options.id, options.pool, *where, options.queues, version, lease))

    def _renew(self) -> bool:
        from queuectl_core.store.postgres.leases import renew  # Here: most queues are never shared.

        return bool(self._store.run(renew(self.lease.lease_ms, [self._options.id])))

    def keep(self) -> None:
        """Make our lock file anew, where somebody removed it: without it we count as dead; and renew our lease."""
        with contextlib.suppress(OSError):
            if self._hold.renew():
                self._telling.trouble("its lock file was removed")
        self.beat()

    def beat(self) -> None:
        """Renew the lease where it is time; that the store is out of reach shows when it is over."""
        if self.lease.due:
            with contextlib.suppress(StoreError), self._store.impatient(self.lease.patience):
                self.lease.beat()

    def may_claim(self) -> bool:
        """Whether the store is where it belongs: what is done with one that was moved or replaced, nobody sees."""
        if self._presence is not None and (now := time.monotonic()) >= self._look_at:
            self._look_at = now + PRESENCE_LOOK
            self.displaced = self._presence.lost()
        return not self.displaced

    def fenced(self) -> Reason | None:
        """The reason to end what runs, where others do not rely on us any more, or soon will not."""
        if not self.lease.over:
            return None
        return Reason(Outcome.RELEASED, "the store was out of reach for too long", self.lease.until_gone)
