"""The keeper: one process a pool that does the pool's database work, so that the pool itself needs none.

It registers the pool, recovers what dead workers left, keeps the store tidy, passes on what people ask
of the pool through the store, and says when a draining pool has nothing left to wait for.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from queuectl_core.execution import events, orders
from queuectl_core.execution.lease import Lease
from queuectl_core.execution.locks import names
from queuectl_core.execution.maintenance import Maintenance
from queuectl_core.execution.orders import Inbox, KeeperOptions, drain_bytes, tell
from queuectl_core.execution.processes import to_next_beat
from queuectl_core.execution.recovery import PATIENCE, end_unwatched
from queuectl_core.execution.signals import SignalPipe
from queuectl_core.model.errors import StoreError
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home, cannot_use, prepare_folders
from queuectl_core.store.opening import open_home
from queuectl_core.store.site import site_of
from queuectl_core.store.sqlite.presence import Presence, StoreReplaced
from queuectl_core.store.transactions import workers
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.statistics import waiting_for
from queuectl_core.store.transactions.workers import Orders, PoolOrders

STEP_SECONDS = 1.0
SHORTEST_LOOK = 0.02
"""Seconds between two looks of a draining pool, at the least, where nothing but runs of others may be left."""

WORDLESS_SECONDS = 0.5
"""How long a draining pool may run nothing before it says what it waits for."""


PUT_BACK_SECONDS = 10.0
"""How long a store that was replaced is waited for. Then its pool leaves, which nobody can find by it any more."""


class Keeper:
    """The keeper of one pool; `keep` returns when the pool closes its pipe, or has died."""

    def __init__(self, home: Home, options: KeeperOptions, inbox: Inbox, outbox: int, report: events.Report) -> None:
        self._options = options
        self._inbox = inbox
        self._outbox = outbox
        self._report = report
        # Deaf to signals: it leaves when its pool does.
        self._signals = SignalPipe((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT))
        self._doorbell = Doorbell(home)
        self._store = open_home(home, holds_schema=True, makes=False, listens=True)
        self._maintenance = Maintenance(self._store)
        self._control = os.open(self._doorbell.control_of(options.pool), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._passed_on = PoolOrders(Orders.RUN, options.wanted)
        self._grace: float | None = None
        self._told_waiting = ""
        self._idle_since: float | None = None
        self._look_again = math.inf
        self._last_runs, self._last_runs_since = 0, 0.0
        self._trouble = False
        self._site = site_of(home)
        self._lease = Lease(self._site, self._store.run(settings()).values, self._renew)
        self._register()
        self._presence = Presence(home, options.pool_pid) if home.url is None else None
        self._replaced_since: float | None = None

    def keep(self) -> None:
        """Step once a second, and whenever something comes, until the pool is gone."""
        tell(self._outbox, orders.READY)
        next_step = 0.0
        while not self._inbox.closed:
            due = time.monotonic() >= next_step
            if due:
                next_step = time.monotonic() + self._to_next_step()
            self._act((self._step,) if due else ())
            if self._lease.over:
                end_unwatched(self._store.home)
            self._wait(max(0.0, min(next_step, self._look_again) - time.monotonic()))
            self._signals.arrived()
            if any(words[0] == orders.LOST for words in self._inbox.lines()):
                next_step = 0.0
        self._leave()

    def _to_next_step(self) -> float:
        """A lease is renewed so long after the last time, which an instant that comes a moment early would double."""
        return min(STEP_SECONDS, self._lease.heartbeat) if self._site else to_next_beat(STEP_SECONDS)

    def _act(self, first: Sequence[Callable[[], None]]) -> None:
        """Do these things, then hear orders and look whether all is done; one in trouble keeps from no other."""
        well = True
        with self._bounded():
            for act in (*first, self._pass_on_orders, self._watch_drain):
                try:
                    act()
                except (StoreError, OSError) as error:
                    self._complain(error)
                    well = False
        if first and well:  # What keeps us from a step lasts until the next one.
            self._trouble = False

    def _wait(self, seconds: float) -> None:
        """Wait until something comes, and pass on what others announced."""
        self._pass_on_wakes()  # Some may have come with the answers of the store.
        poll = select.poll()
        announced = self._store.handle()
        others = () if announced is None else (announced,)
        for handle in (self._inbox.handle, self._control, self._signals.handle, *others):
            poll.register(handle, select.POLLIN)
        poll.poll(seconds * 1000)
        drain_bytes(self._control)
        self._pass_on_wakes()

    def _pass_on_wakes(self) -> None:
        with contextlib.suppress(StoreError):
            for wake in self._store.heard():
                self._doorbell.ring([wake]) if wake is not None else self._doorbell.ring_all()

    # The lease, where other hosts share the queue

    def _bounded(self) -> AbstractContextManager[None]:
        """Have all that the store is asked come to an end before our workers' leases do."""
        return self._store.impatient(max(1.0, self._lease.left)) if self._site else contextlib.nullcontext()

    def _register(self) -> None:
        options = self._options
        lease = workers.Lease(self._site, self._lease.lease_ms)
        where = (socket.gethostname(), options.pool_pid)
        self._store.run(workers.register_pool(options.pool, *where, options.wanted, lease))

    def _renew(self) -> bool:
        """Speak for the pool, and for each worker of this home: one that is stopped cannot, and what one that has died
        still runs is ours to end, before any other host may begin it."""
        from queuectl_core.store.postgres.leases import renew  # Here: most queues are never shared.

        pool = self._options.pool
        ours = [name for name in names(self._store.home) if "-" in name]
        if pool not in self._store.run(renew(self._lease.lease_ms, ours, [pool])):
            self._register()
        return True

    def _step(self) -> None:
        if self._lease.due:
            self._lease.beat()
        self._check_presence()
        try:
            for job in self._maintenance.step(self._patience()):
                self._report(events.Notice(_recovered(job), serious=True))
            values = self._store.run(settings()).values
            self._lease.adopt(values)
            grace = values.shutdown_grace
            if grace != self._grace:
                self._grace = grace
                tell(self._outbox, orders.GRACE, "none" if grace is None else grace)
        finally:
            # Last, so that a folder which cannot be made keeps nobody from the rest; and in no home that is gone.
            self._check_presence()
            prepare_folders(self._store.home)
            if not os.path.lexists(self._store.home.lock(self._options.pool)):
                tell(self._outbox, orders.RENEW)

    def _patience(self) -> float:
        """Seconds that what dead workers left may take to end: meanwhile nobody renews the leases that we speak for."""
        return min(PATIENCE, max(0.0, self._lease.left / 4))

    def _check_presence(self) -> None:
        if self._presence is None:
            return
        try:
            self._presence.check()
        except StoreReplaced:
            self._replaced_since = self._replaced_since or time.monotonic()
            if time.monotonic() - self._replaced_since > PUT_BACK_SECONDS:
                tell(self._outbox, orders.LEAVE)
            raise
        self._replaced_since = None

    def _pass_on_orders(self) -> None:
        wished = self._store.run(workers.pool_orders(self._options.pool))
        if wished is None or wished == self._passed_on:
            return
        if wished.wanted != self._passed_on.wanted:
            tell(self._outbox, orders.SCALE, wished.wanted)
        if wished.orders is not self._passed_on.orders:
            tell(self._outbox, wished.orders.value)
        self._passed_on = wished

    def _watch_drain(self) -> None:
        """For a pool that drains: say when all is done, and meanwhile what is waited for."""
        self._look_again = math.inf
        if not self._options.drain or self._passed_on.orders is not Orders.RUN:
            return
        unfinished = self._store.run(waiting_for(self._options.queues))
        if not any(unfinished.values()):
            tell(self._outbox, orders.DRAINED)
            return
        if unfinished[JobState.PROCESSING]:
            # While something runs, the log of runs tells enough.
            self._idle_since = None
            if sum(unfinished.values()) == unfinished[JobState.PROCESSING]:
                self._look_again = self._soon(unfinished[JobState.PROCESSING])
            return
        self._idle_since = self._idle_since or time.monotonic()
        waiting = ", ".join(f"{n} {state}" for state, n in unfinished.items() if n)
        if waiting != self._told_waiting and time.monotonic() - self._idle_since > WORDLESS_SECONDS:
            self._told_waiting = waiting
            self._report(events.Notice(f"draining: waiting for {waiting}"))

    def _soon(self, runs: int) -> float:
        """When to look again where only so many runs are left: nobody tells us when those of another pool end.

        No run is waited for by more than a quarter longer than it has lasted since the last change.
        """
        now = time.monotonic()
        if runs != self._last_runs:
            self._last_runs, self._last_runs_since = runs, now
        return now + max(SHORTEST_LOOK, (now - self._last_runs_since) / 4)

    def _complain(self, error: StoreError | OSError) -> None:
        if not self._trouble:
            self._trouble = True
            error = cannot_use(self._store.home.path, error) if isinstance(error, OSError) else error
            self._report(events.Notice(f"keeper of pool {self._options.pool}: {error}", serious=True))

    def _leave(self) -> None:
        # Recovery strikes the pool off the roster, if this cannot: its lock tells that it is gone.
        try:
            self._store.run(workers.see_off(pools=[self._options.pool]))
        except (StoreError, OSError) as error:
            self._complain(error)
        self._doorbell.take_down(self._options.pool)
        self._store.close()


def _recovered(job: Job) -> str:
    if job.state is JobState.COMPLETED:
        return f"job {job.id} had completed when its worker {job.worker} died"
    after = f"retry in {(job.due - job.updated_at) / 1000:g}s" if job.state is JobState.FAILED else str(job.state)
    return f"job {job.id} was lost with worker {job.worker}: {after}"
