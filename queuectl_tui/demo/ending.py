"""The end of a demo's pools: those that it started and those that somebody started at the console."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from queuectl_core.execution.liveness import read_note
from queuectl_core.execution.locks import alive, is_alive
from queuectl_core.execution.survivors import Trail, end_survivors
from queuectl_core.model.errors import QueueError
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.workers import Orders, order, roster

POLITE_SECONDS = 5.0
"""How long pools may take to end what they run; longer than the demo's `kill_grace`."""

_LOOK = 0.02


def end_pools(home: Home) -> None:
    """Stop every pool of a home and what it runs, by force where it does not go by itself. Raises nothing."""
    with contextlib.suppress(QueueError), SqliteStore(home, makes=False) as store:
        store.run(order([pool.id for pool in store.run(roster()).pools], Orders.STOP))
    deadline = time.monotonic() + POLITE_SECONDS
    while alive(home) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    # Pools first (their names have no hyphen), or they would replace their workers.
    for name in sorted(alive(home), key=lambda name: "-" in name):
        _kill(home, name)


def _kill(home: Home, name: str) -> None:
    note = read_note(home, name)
    if note is None or not is_alive(home, name):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(note.pid, signal.SIGKILL)
    for token in note.begun:
        end_survivors(Trail(token))
