"""How large a run is."""

from __future__ import annotations

from typing import NamedTuple


class Options(NamedTuple):
    """`jobs` are drained; `many` lines are enqueued in bulk, and as many jobs are the large store."""

    jobs: int = 3000
    many: int = 1_000_000
