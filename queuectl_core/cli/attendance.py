"""The note for who waits for work that nobody is there to do."""

from __future__ import annotations

from queuectl_core.cli import output
from queuectl_core.store.home import Home


def note_if_nobody_works(home: Home) -> None:
    """Say on stderr that no worker runs, where none does."""
    from queuectl_core.execution.locks import any_worker

    if not any_worker(home):
        output.note("no worker runs: start one with 'queuectl worker start'")
