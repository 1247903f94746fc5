"""What the metrics pane reads of the store, and what it keeps so that it need not be read again.

A minute that is over does not change. So after the first look at a window only its last steps are read,
however many queues there are.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from queuectl_core.model.job import WAITING
from queuectl_core.store.transactions.queues import queues
from queuectl_core.store.transactions.statistics import (
    Minute,
    StepBucket,
    buckets_by_step,
    minutes_since,
    summary,
    waiting_for,
)
from queuectl_tui.metrics.series import MINUTE_MS, Window, first_minute, queues_in

if TYPE_CHECKING:
    from queuectl_tui.session import Session

SLACK_MINUTES = 2
"""Minutes read again although they are over: who wrote last may have begun before they were."""

Row = TypeVar("Row", Minute, StepBucket)


class Reading(NamedTuple):
    """One look at the store, at `now` (ms). `oldest_ms` is how long the oldest due job waits, where it is known.

    `minutes` are of all queues, `buckets` of the one that was asked for.
    """

    now: int
    minutes: list[Minute]
    buckets: list[StepBucket]
    queues: tuple[str, ...]
    depth: int
    oldest_ms: int | None


class _Of(NamedTuple):
    """What rows belong to. The file is in it: what was kept of another store is worth nothing."""

    window: Window
    queue: str | None
    file: tuple[int, int] | None


class _Kept(NamedTuple):
    """Rows from the minute `first` on, read when `last` was the present one."""

    of: _Of
    first: int
    last: int
    minutes: list[Minute]
    buckets: list[StepBucket]


class Reader:
    """Reads roll-ups through a session, what is over only once."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._kept: _Kept | None = None

    async def read(self, window: Window, queue: str | None) -> Reading:
        """What a window needs that ends now; `queue` None means all. Raises a StoreError where it cannot be read."""
        now = self._session.now()
        kept = self._kept = await self._renewed(now, _Of(window, queue, self._file()))
        known = {each.name for each in await self._session.read(queues())}
        known.update(queues_in(kept.minutes))
        depth, oldest = await self._waiting(queue)
        return Reading(now, kept.minutes, kept.buckets, tuple(sorted(known)), depth, oldest)

    async def _renewed(self, now: int, of: _Of) -> _Kept:
        present, first = now // MINUTE_MS, first_minute(now, of.window)
        kept = self._kept
        if kept is None or kept.of != of or not kept.first <= first <= kept.last <= present:
            kept = _Kept(of, first, first, [], [])
        step = of.window.step
        since = max(first, (kept.last - SLACK_MINUTES) // step * step)
        # One minute more than is wanted: the store's present may be in the next one by then.
        minutes = await self._session.read(minutes_since(present - since + 2))
        buckets = await self._session.read(buckets_by_step(since, step, of.queue))
        return _Kept(
            of,
            first,
            present,
            _joined(kept.minutes, minutes, first, since),
            _joined(kept.buckets, buckets, first, since),
        )

    async def _waiting(self, queue: str | None) -> tuple[int, int | None]:
        """How many jobs wait, and how long the oldest has; the store tells the latter of all queues together only."""
        if queue is None:
            summed = await self._session.read(summary())
            return sum(summed.jobs[state] for state in WAITING), summed.oldest_pending_ms
        waiting = await self._session.read(waiting_for((queue,)))
        return sum(waiting[state] for state in WAITING), None

    def _file(self) -> tuple[int, int] | None:
        try:
            status = os.stat(self._session.home.database)
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _joined(kept: list[Row], new: list[Row], first: int, since: int) -> list[Row]:
    """The rows kept from minute `first` up to `since`, and from there on the new ones."""
    return [row for row in kept if first <= row.minute < since] + [row for row in new if row.minute >= since]
