"""A pool's children: forked with two pipes each, freed of what they inherit, collected by their pid."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from queuectl_core.execution import events
from queuectl_core.execution.liveness import remove_lock
from queuectl_core.execution.orders import Inbox, KeeperOptions, WorkerOptions
from queuectl_core.execution.process import NOWHERE
from queuectl_core.execution.worker import Worker
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home

if TYPE_CHECKING:
    from multiprocessing.context import ForkProcess

FORK = multiprocessing.get_context("fork")
"""Forked, not spawned: half the time to the first command and a fifth less memory a worker. Safe here, since
a pool has no thread and no connection."""


GAVE_UP = 1
"""The exit status of a child that could not go on, and said why."""


class Child:
    """A worker or keeper. `outbox` takes what it is told, `inbox` brings what it says, `sentinel` is readable
    once it has ended; `leaving` marks one that was told to go while the others stay."""

    def __init__(self, name: str, process: ForkProcess, inbox: Inbox, outbox: int) -> None:
        self.name = name
        self.inbox = inbox
        self.outbox = outbox
        self.leaving = False
        self._process = process
        self._born = time.monotonic()
        self.sentinel: int = process.sentinel
        self.pid = int(process.pid or 0)

    def ends(self) -> list[int]:
        """The pipe ends that the pool keeps."""
        return [self.inbox.handle, self.outbox]

    def age(self) -> float:
        """Seconds since it was forked."""
        return time.monotonic() - self._born

    def has_ended(self) -> bool:
        """Whether it is no longer there."""
        return not self._process.is_alive()

    def collect(self) -> int:
        """Its exit status, negative for a signal; it must have ended, or be about to."""
        self._process.join()
        status = self._process.exitcode
        for end in self.ends():
            with contextlib.suppress(OSError):
                os.close(end)
        self._process.close()
        return int(status or 0)

    def dismiss(self, patience: float) -> None:
        """Close its pipe, at which it leaves; end it if it does not within `patience` seconds."""
        os.close(self.outbox)
        self.outbox = -1
        # Not `join(patience)`, which imports a good deal of multiprocessing: 5 ms, at the end of every pool.
        ended = select.poll()
        ended.register(self.sentinel, select.POLLIN)
        ended.poll(patience * 1000)
        if self._process.is_alive():
            self._process.kill()
        self.collect()


def fork_worker(home: Home, options: WorkerOptions, report: events.Report, ends: list[int]) -> Child:
    """Fork a worker; it closes `ends`, which are the pool's."""
    return _fork(options.id, lambda inbox, _: _work(home, options, inbox, report), ends, report)


def _work(home: Home, options: WorkerOptions, inbox: Inbox, report: events.Report) -> None:
    try:
        worker = Worker(home, options, inbox, report)
    except BaseException:
        # It has run nothing that anybody would look for, and mostly nobody would know of its files: it is on no roster.
        with contextlib.suppress(OSError):
            remove_lock(home, options.id)
        Doorbell(home).take_down(options.id)
        raise
    worker.work()


def fork_keeper(home: Home, options: KeeperOptions, report: events.Report, ends: list[int]) -> Child:
    """Fork a keeper; it closes `ends`, which are the pool's."""
    import queuectl_core.execution.keeper  # noqa: F401 - here: workers, which are forked before, need not wait for it

    return _fork(options.pool, lambda inbox, outbox: _keep(home, options, inbox, outbox, report), ends, report)


def _keep(home: Home, options: KeeperOptions, inbox: Inbox, outbox: int, report: events.Report) -> None:
    from queuectl_core.execution.keeper import Keeper

    try:
        keeper = Keeper(home, options, inbox, outbox, report)
    except FileNotFoundError:
        # Others take the doorbell down of a pool that they find dead; then there is nothing to keep.
        if inbox.is_closed():
            return
        raise
    keeper.keep()


def _fork(name: str, live: Callable[[Inbox, int], None], ends: list[int], report: events.Report) -> Child:
    """Raises OSError where the machine has no room for another process, and leaves nothing open then."""
    told, outbox = os.pipe()
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, told)
        undo = opened.enter_context(contextlib.ExitStack())
        undo.callback(os.close, outbox)
        inbox, says = os.pipe()
        opened.callback(os.close, says)
        undo.callback(os.close, inbox)
        gc.freeze()  # What is there is shared with the child for longer, where its collector leaves it alone.
        arguments = (name, live, told, says, [*ends, outbox, inbox], report)
        process = FORK.Process(target=_live, args=arguments, name=name)
        process.start()
        undo.pop_all()
    return Child(name, process, Inbox(inbox), outbox)


def _live(
    name: str,
    live: Callable[[Inbox, int], None],
    told: int,
    says: int,
    others: list[int],
    report: events.Report,
) -> None:
    """The child's whole life: away from the terminal, without the pool's ends of pipes."""
    signal.set_wakeup_fd(-1)  # The pool's: what we are sent is not meant for it.
    os.setpgid(0, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # Of a terminal set to stop whoever writes in the background.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # The pool's wish, not ours: it would look like an order.
    for end in others:
        os.close(end)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.chdir(NOWHERE)
    try:
        live(Inbox(told), says)
    except Exception as error:
        # One line instead of a traceback, which would show what jobs hold; the pool replaces the child.
        report(events.Notice(f"{name} cannot go on: {type(error).__name__}: {error}", serious=True))
        if os.environ.get("QUEUECTL_DEBUG"):
            raise
        sys.exit(GAVE_UP)
