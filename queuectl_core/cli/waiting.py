"""Waiting for jobs to change: cheap looks at whether anything was committed, and a read only then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from queuectl_core.model.job import Job
from queuectl_core.store.contract import Store
from queuectl_core.store.transactions.jobs import find

LOOK_SECONDS = 0.05


def watch(
    store: Store,
    ids: Sequence[str],
    left: Callable[[list[Job]], Sequence[str]],
    *,
    deadline: float | None = None,
    between: Callable[[], bool] = lambda: False,
) -> bool:
    """Hand `left` the jobs of these ids now and after every change, until it returns no ids to watch on.

    `between` is called before every look, and says whether it changed a job itself. Returns False where
    `deadline`, an instant of time.monotonic(), comes first. Raises NoSuchJob where one is deleted meanwhile.
    """
    version = -1
    while ids:
        # A store is not told of its own changes.
        changed = between()
        # Asked before the jobs are read: what is committed in between is then seen at the next look.
        latest = store.data_version()
        if changed or latest != version:
            version = latest
            ids = left(store.run(find(ids)))
            continue
        seconds = LOOK_SECONDS if deadline is None else deadline - time.monotonic()
        if seconds <= 0:
            return False
        time.sleep(min(seconds, LOOK_SECONDS))
    return True
