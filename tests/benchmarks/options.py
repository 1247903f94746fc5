"""How large a run is."""

from __future__ import annotations

from typing import NamedTuple


class Options(NamedTuple):
    """`jobs` are drained; `many` lines are enqueued in bulk, and as many jobs are the large store.

    `huge` is how many jobs the largest store has; 0 where it is left out. With `peers`, those that are Python packages
    are installed for the occasion.
    """

    jobs: int = 3000
    many: int = 1_000_000
    huge: int = 10_000_000
    peers: bool = False
