"""How many more files this process may open: a pool that has too few would try to start for ever."""

from __future__ import annotations

import errno
import os
import resource

from queuectl_core.model.errors import Refused

NEEDED = 36
"""Open files that a pool and each process of it must be allowed beside those it was started with, for the store, its
locks, doorbells and pipes, and a run. With fewer workers than wanted it goes on, with none it cannot."""


def refuse_too_few() -> None:
    """Raise Refused where no pool could start in this process."""
    left = _left()
    if left is not None and left < NEEDED:
        raise Refused(f"only {left} more files may be opened here, and a pool needs {NEEDED}", "raise 'ulimit -n'")


def _left() -> int | None:
    """How many more this process may open; None where there is no limit, or nobody tells."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        open_here = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError as error:
        return 0 if error.errno == errno.EMFILE else None
    # One is that of the list itself. The limit is on numbers: what was opened before it was lowered may be above.
    return max(0, limit - sum(number < limit for number in open_here) + 1)
