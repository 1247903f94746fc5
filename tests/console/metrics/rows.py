"""Roll-ups made up for tests: rows of minutes and histograms, everything unsaid being nothing."""

from __future__ import annotations

from typing import Any

from queuectl_core.model.histogram import bucket_of
from queuectl_core.store.transactions.statistics import Bucket, Minute, StepBucket
from queuectl_tui.metrics.series import MINUTE_MS
from tests.store.engines import NOON

FIRST = NOON // MINUTE_MS
"""The minute that begins at NOON."""


def minute(at: int, queue: str = "default", **counts: Any) -> Minute:
    """The row of a minute; a depth that is not given was not sampled."""
    blank = dict.fromkeys(Minute._fields, 0) | {"depth": None}
    return Minute(**blank | counts | {"minute": at, "queue": queue})


def took(at: int, ms: int, n: int = 1, *, measure: str = "duration") -> StepBucket:
    """`n` runs that took so long, in the step that begins at this minute."""
    return StepBucket(at, measure, bucket_of(ms), n)


def kept(row: StepBucket, queue: str = "default") -> Bucket:
    """The row as the store keeps it, by minute and queue."""
    return Bucket(row.minute, queue, row.measure, row.bucket, row.n)
