"""Which jobs an action is for: one, the marked ones, or all that match; read in portions where they are many."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import Job
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_tui.session import Session

PORTION = 500
"""How many jobs one transaction moves, so that workers get their turns between."""


class Matching(NamedTuple):
    """All jobs that match a filter and have a number up to `until`, but for the `excluded`.

    A filter and a number, not a list: what arrives later is not meant.
    """

    filter: Filter
    until: int
    excluded: frozenset[int] = frozenset()
    died_until: int | None = None
    """Where given, only those are meant that had died by then (ms)."""


class Targets(NamedTuple):
    """The jobs meant. `one` is the job where it is a single one that is in sight."""

    numbers: tuple[int, ...] = ()
    one: Job | None = None
    matching: Matching | None = None
    how_many: int | None = None
    """How many there are, as far as is known."""

    @property
    def words(self) -> str:
        """What is meant, as a question names it."""
        if self.one is not None:
            return f"job {self.one.id}"
        if self.how_many is None:
            return "all jobs that match"
        return f"{self.how_many:,} job{'' if self.how_many == 1 else 's'}"


def single(job: Job) -> Targets:
    """One job."""
    return Targets((job.number,), job, how_many=1)


def several(numbers: Sequence[int]) -> Targets:
    """These jobs."""
    return Targets(tuple(numbers), how_many=len(numbers))


async def portions(session: Session, targets: Targets) -> AsyncIterator[list[int]]:
    """The numbers of the jobs meant, at most `PORTION` at a time."""
    if targets.matching is None:
        for start in range(0, len(targets.numbers), PORTION):
            yield list(targets.numbers[start : start + PORTION])
        return
    matching = targets.matching
    kept: list[int] = []
    before: int | None = min(matching.until + 1, BEYOND_ALL)
    while before is not None:
        found = await session.read(browsing.scan(matching.filter, before=before, until=matching.until))
        meant = await _dead_by_then(session, matching, found.numbers)
        kept += [number for number in meant if number not in matching.excluded]
        before = found.next_before
        while len(kept) >= PORTION or (before is None and kept):
            yield kept[:PORTION]
            kept = kept[PORTION:]


async def _dead_by_then(session: Session, matching: Matching, numbers: list[int]) -> list[int]:
    """Those that had died when they were meant; all of them where that is not asked."""
    if matching.died_until is None:
        return numbers
    kept = []
    for start in range(0, len(numbers), PORTION):
        jobs = await session.read(browsing.by_numbers(numbers[start : start + PORTION]))
        kept += [job.number for job in jobs if (job.finished_at or 0) <= matching.died_until]
    return kept
