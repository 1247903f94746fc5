"""queuectl: a durable queue of shell commands.

The names below are the Python API, the same functions that the commands use:

    from queuectl_core import NewJob, enqueue, open_store

    with open_store() as store:
        job = store.run(enqueue(NewJob("make report", queue="nightly", timeout=3600)))
        print(job.id)

Each is loaded when it is first asked for, so that a command pays for what it uses alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from queuectl_core.model.errors import (
        IdTaken,
        InvalidInput,
        NoSuchJob,
        QueueError,
        StoreError,
        WrongState,
    )
    from queuectl_core.model.job import Attempt, Changes, Job, JobState, NewJob, Outcome
    from queuectl_core.store.opening import open_async_store, open_store
    from queuectl_core.store.transactions.arrivals import enqueue
    from queuectl_core.store.transactions.changes import cancel, delete, edit, retry
    from queuectl_core.store.transactions.jobs import find, history, page, show

__all__ = [
    "Attempt",
    "Changes",
    "IdTaken",
    "InvalidInput",
    "Job",
    "JobState",
    "NewJob",
    "NoSuchJob",
    "Outcome",
    "QueueError",
    "StoreError",
    "WrongState",
    "cancel",
    "delete",
    "edit",
    "enqueue",
    "find",
    "history",
    "open_async_store",
    "open_store",
    "page",
    "retry",
    "show",
]

_HOMES = {
    "model.errors": ("IdTaken", "InvalidInput", "NoSuchJob", "QueueError", "StoreError", "WrongState"),
    "model.job": ("Attempt", "Changes", "Job", "JobState", "NewJob", "Outcome"),
    "store.opening": ("open_async_store", "open_store"),
    "store.transactions.arrivals": ("enqueue",),
    "store.transactions.changes": ("cancel", "delete", "edit", "retry"),
    "store.transactions.jobs": ("find", "history", "page", "show"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
