"""How a worker without a job sleeps and what wakes it.

It hangs out its doorbells, looks for a job once more, and sleeps until a bell rings, a waiting job is due,
an order or signal comes, or, each second, the store has changed: that is the guarantee.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
from collections.abc import Callable, Iterable

from queuectl_core.execution.orders import drain_bytes
from queuectl_core.execution.processes import boot_clock_ns, to_next_beat
from queuectl_core.model.errors import StoreError
from queuectl_core.store.contract import Store

ROUTINE_LOOK_MS = 1000
"""How long a worker sleeps at most before it looks whether the store has changed."""


class Sleeper:
    """Sleeps for one worker. `hang` makes its bells, where they are not there, and says where they hang;
    `others` are descriptors that wake it besides; `routine` is called once a second meanwhile."""

    def __init__(
        self,
        store: Store,
        hang: Callable[[], list[str]],
        others: Iterable[int],
        routine: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._hang = hang
        self._others = list(others)
        self._routine = routine
        self._bells: list[int] = []
        self._listening = False
        self._seen = -1
        self.look_each = math.inf
        """Seconds after which `routine` is called at the latest; once a second it always is."""

    @property
    def listening(self) -> bool:
        """Whether the doorbells are hung out, as far as they can be."""
        return self._listening

    def listen(self) -> None:
        """Hang out the doorbells; whoever rings from now on is heard."""
        self._listening = True
        # Where none can be hung (the home is gone, say), the look each second must do.
        with contextlib.suppress(OSError):
            for path in self._hang():
                self._bells.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW))
        self._seen = self._version()

    def _version(self) -> int:
        """The store's data version; where it is in trouble, one that looks like a change: the turn will tell."""
        try:
            return self._store.data_version()
        except StoreError:
            return -1

    def stop_listening(self) -> bool:
        """Take the doorbells in, so that rings go to those who are idle; whether one rang that was not heard."""
        rung = self._listening = False
        for bell in self._bells:
            rung |= drain_bytes(bell)
            os.close(bell)
        self._bells.clear()
        return rung

    def sleep(self, due_in_ms: int | None) -> bool:
        """Sleep until there may be something to do; whether a bell woke us.

        `due_in_ms` is when the next waiting job is due, None where none waits.
        """
        poll = select.poll()
        for handle in (*self._bells, *self._others):
            poll.register(handle, select.POLLIN)
        due_at = None if due_in_ms is None else _now() + max(0, due_in_ms) / 1000
        while True:
            ready = poll.poll(_until(due_at, self.look_each))
            if ready:
                rung = any(handle in self._bells for handle, _ in ready)
                for handle, _ in ready:
                    if handle in self._bells:
                        drain_bytes(handle)
                return rung
            self._routine()
            if due_at is not None and _now() >= due_at:
                return False
            if self._version() != self._seen:
                return False


def _now() -> float:
    """Seconds on a clock that goes on while the machine is suspended."""
    return boot_clock_ns() / 1e9


def _until(due_at: float | None, look_each: float) -> float:
    """Milliseconds to sleep at most.

    Whoever has a lease to renew does that so long after the last time; all others look at the same instants.
    """
    look = to_next_beat(ROUTINE_LOOK_MS / 1000) * 1000
    if look_each < math.inf:
        look = min(ROUTINE_LOOK_MS, look_each * 1000)
    # Rounded up: waking just before a job is due would only cost another look.
    return look if due_at is None else min(look, max(0.0, due_at - _now()) * 1000 + 1)
