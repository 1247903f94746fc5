"""The note for who waits for work that nobody is there to do."""

from __future__ import annotations

import contextlib

from queuectl_core.cli import output
from queuectl_core.model.errors import StoreError
from queuectl_core.store.contract import Store


def note_if_nobody_works(store: Store) -> None:
    """Say on stderr that no worker runs, where none does.

    What was to be done is done by then: that nobody can be looked for is no failure of it.
    """
    with contextlib.suppress(StoreError, OSError):
        if not _somebody_works(store):
            output.note("no worker runs: start one with 'queuectl worker start'")


def _somebody_works(store: Store) -> bool:
    if store.home.url is not None:
        from queuectl_core.execution import roster

        return roster.any_worker(store)
    from queuectl_core.execution import locks  # It alone: every command that enqueues asks.

    return locks.any_worker(store.home)
