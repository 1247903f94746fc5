"""The pool: supervises its workers and its keeper, and nothing else.

The process holds no connection and starts no thread, so it may fork at any time. It learns of deaths from
the kernel, of wishes from its keeper, of shutdowns from signals.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from queuectl_core.execution import events, orders
from queuectl_core.execution.children import GAVE_UP, Child, fork_keeper, fork_worker
from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.orders import KeeperOptions, WorkerOptions, tell
from queuectl_core.execution.processes import become_subreaper, close_on_exec, reap_strays
from queuectl_core.execution.signals import SignalPipe
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home, cannot_use

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STEADY_SECONDS = 10.0
"""A child that lived this long and dies is replaced at once; sooner, with growing pauses."""

LONGEST_PAUSE = 10.0
MOST_FALSE_STARTS = 4
"""So many children may give up before the first keeper is ready; then the pool does, on a server, where it mostly lacks
rights: nobody would ever be told, and whoever starts it waits. In a home of one's own all of it passes."""

FORK_PAUSE = 1.0
"""Seconds until the pool tries again where the machine had no room for a process."""

CLOSING_SECONDS = 0.5
"""A terminal that is closed sends a hangup from the kernel and one from its shell; this long after the first, they are
one."""

KEEPER_PATIENCE = 5.0
"""Seconds that a leaving pool waits for its keeper before it ends it."""


class PoolOptions(NamedTuple):
    """How to run a pool: how many workers, for which queues (none: all), whether to leave once these are
    empty, and how many seconds runs get to end once it is told to stop (None: as the setting says)."""

    workers: int
    queues: tuple[str, ...] = ()
    drain: bool = False
    grace: float | None = None


def run_pool(home: Home, options: PoolOptions, report: events.Report, ready: Callable[[str], None]) -> int:
    """Run a pool in this process until it has been told to leave and its workers have; returns 0.

    Where its processes cannot start it gives up, and where its store was replaced it leaves, and returns 1.

    `ready` is called with the pool's name once its workers are started. The store must exist. Raises a StoreError where
    the home takes no files.
    """
    return Pool(home, options, report, ready).supervise()


class Pool:
    """One pool. Its children are its own: it forks them, waits for them, and replaces those that die."""

    def __init__(self, home: Home, options: PoolOptions, report: events.Report, ready: Callable[[str], None]) -> None:
        self._home = home
        self._options = options
        self._report = report
        self._ready: Callable[[str], None] | None = ready
        self._wanted = options.workers
        self._grace = options.grace
        self._started = 0
        self._failures = 0
        self._false_starts = 0
        self._workers: dict[int, Child] = {}
        self._keeper: Child | None = None
        self._resume_at = 0.0
        self._lacking = ""
        """What kept the last process from being started, which is told once."""
        self._hangup_at = -CLOSING_SECONDS
        self._draining = False
        self._is_replaced = False
        self._stopping = False
        self._stop_at: float | None = None
        close_on_exec()
        become_subreaper()
        self.name = _fresh_name(home)
        self._signals = SignalPipe((*STOP_SIGNALS, signal.SIGCHLD))
        try:
            self._hold = Hold(home, self.name)  # last: its file would stay where anything else fails
        except OSError as error:
            raise cannot_use(home.path, error) from error

    def supervise(self) -> int:
        """Keep the wanted workers alive until told to leave, and until they have left."""
        while True:
            self._replenish()
            if self._draining and not self._workers:
                break
            self._wait()
            self._hear_signals()
            self._hear_keeper()
            self._collect()
            self._mind_grace()
        self._leave()
        return 0 if self._false_starts < MOST_FALSE_STARTS and not self._is_replaced else 1

    # Children

    def _replenish(self) -> None:
        """Fork what is missing, unless children keep dying and it is too early."""
        if time.monotonic() < self._resume_at:
            return
        self._resume_at = 0.0
        lacking = ""
        try:
            self._fork_missing()
        except OSError as error:
            lacking = str(error.strerror)
            self._resume_at = time.monotonic() + FORK_PAUSE
        if lacking and lacking != self._lacking:
            self._report(events.Notice(f"pool {self.name} cannot start a process: {lacking}", serious=True))
        self._lacking = lacking

    def _fork_missing(self) -> None:
        while not self._draining and len(self._active()) < self._wanted:
            if self._workers:
                self._have_keeper()  # before what there is of descriptors and processes has gone to workers
            child = self._fork_worker()
            self._workers[child.sentinel] = child
        if not self._draining or self._workers:
            self._have_keeper()
        for child in self._active()[self._wanted :]:
            child.leaving = True
            tell(child.outbox, orders.DRAIN)

    def _have_keeper(self) -> None:
        if self._keeper is None:
            self._keeper = self._fork_keeper()

    def _active(self) -> list[Child]:
        return [child for child in self._workers.values() if not child.leaving]

    def _fork_keeper(self) -> Child:
        options = self._options
        wanted = KeeperOptions(self.name, os.getpid(), self._wanted, options.queues, options.drain)
        return fork_keeper(self._home, wanted, self._report, self._ends())

    def _fork_worker(self) -> Child:
        self._started += 1
        name = f"{self.name}-{self._started}"
        options = WorkerOptions(name, self.name, self._options.queues, self._options.drain)
        return fork_worker(self._home, options, self._report, self._ends())

    def _ends(self) -> list[int]:
        """Every descriptor of ours that a child must not keep: a pipe only closes when all have closed it."""
        children = [*self._workers.values(), *([self._keeper] if self._keeper else [])]
        pipes = [end for child in children for end in child.ends()]
        return [self._hold.handle, *pipes]

    def _collect(self) -> None:
        """Take in children that have ended, and strays that came to us."""
        for child in [child for child in self._workers.values() if child.has_ended()]:
            del self._workers[child.sentinel]
            status = child.collect()
            if status != 0:
                self._note_death(child, f"worker {child.name} died ({_death(status)})")
                self._note_false_start(status)
                if self._keeper is not None:
                    tell(self._keeper.outbox, orders.LOST, child.name)
        if self._keeper is not None and self._keeper.has_ended():
            keeper, self._keeper = self._keeper, None
            status = keeper.collect()
            self._note_death(keeper, f"keeper of pool {self.name} died ({_death(status)})")
            self._note_false_start(status)
        keeper_pid = [self._keeper.pid] if self._keeper else []
        reap_strays([*(child.pid for child in self._workers.values()), *keeper_pid])

    def _note_death(self, child: Child, text: str) -> None:
        self._failures = 0 if child.age() > STEADY_SECONDS else self._failures + 1
        pause = min(LONGEST_PAUSE, 0.1 * 2 ** (self._failures - 2)) if self._failures > 1 else 0.0
        self._resume_at = time.monotonic() + pause
        self._report(events.Notice(text, serious=True))

    def _note_false_start(self, status: int) -> None:
        if self._ready is None or status != GAVE_UP or self._home.url is None:
            return
        self._false_starts += 1
        if self._false_starts == MOST_FALSE_STARTS:
            self._report(events.Notice(f"pool {self.name} gives up: its processes cannot start", serious=True))
            self._stop()

    # What is heard

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._signals.handle, select.POLLIN)
        for child in self._workers.values():
            poll.register(child.sentinel, select.POLLIN)
        if self._keeper is not None:
            poll.register(self._keeper.sentinel, select.POLLIN)
            if not self._keeper.inbox.closed:
                poll.register(self._keeper.inbox.handle, select.POLLIN)
        # One that has come meanwhile counts too: it would be missed until something else happens.
        times = [at for at in (self._stop_at, self._resume_at) if at]
        poll.poll(max(0.0, min(times) - time.monotonic()) * 1000 + 1 if times else None)

    def _hear_signals(self) -> None:
        for number in self._signals.arrived():
            if number in STOP_SIGNALS and not (number == signal.SIGHUP and self._is_same_hangup()):
                self._stop() if self._draining else self._drain()

    def _is_same_hangup(self) -> bool:
        now = time.monotonic()
        if now - self._hangup_at < CLOSING_SECONDS:
            return True
        self._hangup_at = now
        return False

    def _hear_keeper(self) -> None:
        if self._keeper is None:
            return
        for word, *rest in self._keeper.inbox.lines():
            match word:
                case orders.READY:
                    self._tell_ready()
                case orders.DRAIN | orders.DRAINED:
                    self._drain(quietly=word == orders.DRAINED)
                case orders.LEAVE:
                    self._leave_replaced()
                case orders.STOP:
                    self._stop()
                case orders.SCALE:
                    self._wanted = int(rest[0])
                case orders.RENEW:
                    self._renew_hold()
                case orders.GRACE if self._options.grace is None:
                    self._grace = None if rest[0] == "none" else float(rest[0])

    def _renew_hold(self) -> None:
        """Make our lock file anew, where somebody removed it: without it nobody could tell us to stop."""
        with contextlib.suppress(OSError):
            if self._hold.renew():
                self._report(events.Notice(f"pool {self.name}: its lock file was removed", serious=True))

    def _tell_ready(self) -> None:
        if self._ready is not None:
            self._ready(self.name)
            self._ready = None

    def _drain(self, *, quietly: bool = False) -> None:
        """Have the workers finish what they run and leave."""
        if self._draining:
            return
        self._draining = True
        if self._grace is not None:
            self._stop_at = time.monotonic() + self._grace
        for child in self._workers.values():
            tell(child.outbox, orders.DRAIN)
        if not quietly:
            self._report(events.Notice(f"pool {self.name} is stopping: what runs may finish"))

    def _leave_replaced(self) -> None:
        """Leave a store that nobody sees any more, as a failure: whoever watches over us may start another pool."""
        if not self._is_replaced:
            self._is_replaced = True
            self._report(
                events.Notice(f"pool {self.name} leaves: another store is in the place of its own", serious=True)
            )
            self._drain(quietly=True)

    def _stop(self) -> None:
        """Have the workers end what they run, release it and leave."""
        if self._stopping:
            return
        self._draining = self._stopping = True
        self._stop_at = None
        for child in self._workers.values():
            tell(child.outbox, orders.STOP)
        self._report(events.Notice(f"pool {self.name} is stopping: what runs is ended and released"))

    def _mind_grace(self) -> None:
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self._stop()

    def _leave(self) -> None:
        if self._keeper is not None:
            self._keeper.dismiss(KEEPER_PATIENCE)
        # One that was killed before it registered leaves a bell that nobody else would know of.
        Doorbell(self._home).take_down(self.name)
        self._signals.close()
        self._hold.close()


def _fresh_name(home: Home) -> str:
    """A name that no pool left a lock under."""
    while True:
        # Longer where hosts that do not see each other's locks choose theirs.
        name = os.urandom(3 if home.url is None else 5).hex()
        if not os.path.lexists(home.lock(name)):
            return name


def _death(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
