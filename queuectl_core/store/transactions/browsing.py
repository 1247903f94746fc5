"""What a table of jobs asks of a store: windows both ways, far jumps, ranks, scans, orders. Nothing here changes one.

Jobs are in the order of their numbers, which is that of their arrival. States and queues have an index, so a window of
jobs that a filter narrows by these costs the same at any size. Whatever else a filter asks for is looked for by `scan`,
a bounded number of jobs at a time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.statements import Statement, Steps, read
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_core.store.transactions.stretches import (
    Shape,
    asked,
    between,
    how_many,
    jobs_numbered,
    stretch_of,
    walk,
)

MOST_NEWER = 10_000
"""Where `newer_than` stops counting."""


class SortColumn(StrEnum):
    """What jobs can be sorted by. What is empty in that column comes last in either order."""

    ID = "id"
    """Numbers first, in order, then names."""
    STATE = "state"
    """In the order of `JobState`."""
    QUEUE = "queue"
    PRIORITY = "priority"
    TRIES = "tries"
    AGE = "age"
    """By the instant of arrival: ascending is the oldest first."""
    DUE = "due"
    """By the instant at which a waiting job is due."""
    ENDED = "ended"
    COMMAND = "command"
    EXIT = "exit"
    """By exit status, then by signal."""


class Scan(NamedTuple):
    """What one step of a scan found: the `numbers` that match, newest first, among the `visited` jobs.

    `next_before` is where the next step goes on; None where the scan is done.
    """

    numbers: list[int]
    next_before: int | None
    visited: int


@read
def count(filter: Filter) -> Steps[int | None]:
    """How many jobs match, as the store keeps count; None where only a scan could tell."""
    if filter.needs_scan:
        return None
    return (yield from stretch_of(filter)).jobs


@read
def scan_total(filter: Filter) -> Steps[int]:
    """How many jobs a whole scan visits: those in the filter's states and queues."""
    return (yield from stretch_of(filter)).jobs


@read
def window(filter: Filter, *, after: int, newest_first: bool, limit: int, until: int = BEYOND_ALL) -> Steps[list[Job]]:
    """The next `limit` jobs strictly beyond the number `after`, none with a number above `until`.

    Downwards where `newest_first`, else upwards. The filter must need no scan: what it asks for beyond states and
    queues is not looked at, here and in `offset`, `rank` and `newer_than`.
    """
    stretch = yield from stretch_of(filter)
    above, below = between(after, newest_first, until)
    numbers = yield from walk(stretch, above, below, newest_first=newest_first, limit=limit)
    return (yield from jobs_numbered(numbers))


@read
def offset(filter: Filter, *, after: int, newest_first: bool, skip: int, until: int = BEYOND_ALL) -> Steps[int | None]:
    """The number of the job that is `skip` (1: the next) rows beyond `after`; None where there are fewer.

    A window that begins after it leaves out `skip` rows. Walks an index over all of them.
    """
    stretch = yield from stretch_of(filter)
    above, below = between(after, newest_first, until)
    numbers = yield from walk(stretch, above, below, newest_first=newest_first, limit=1, skip=skip - 1)
    return numbers[0] if numbers else None


@read
def rank(filter: Filter, *, number: int, newest_first: bool, until: int = BEYOND_ALL, limit: int) -> Steps[int | None]:
    """How many jobs stand before `number` in this order; None where it is more than `limit`."""
    above, below = (number, until + 1) if newest_first else (0, min(number, until + 1))
    before = yield from how_many((yield from stretch_of(filter)), above, below, limit + 1)
    return before if before <= limit else None


@read
def newer_than(filter: Filter, number: int, limit: int = MOST_NEWER) -> Steps[int]:
    """How many jobs have a number above this one; `limit` where there are that many or more."""
    return (yield from how_many((yield from stretch_of(filter)), number, BEYOND_ALL, limit))


@read
def scan(filter: Filter, *, before: int = BEYOND_ALL, budget: int = 5000, until: int = BEYOND_ALL) -> Steps[Scan]:
    """Visit the next `budget` jobs of the filter's states and queues below the number `before`, the newest first."""
    return (yield from scan_step(filter, before, budget, until))


def scan_step(filter: Filter, before: int, budget: int, until: int = BEYOND_ALL) -> Steps[Scan]:
    """As `scan`, inside a transaction."""
    stretch = yield from stretch_of(filter)
    below = min(before, until + 1)
    last = yield from walk(stretch, 0, below, newest_first=True, limit=1, skip=budget - 1)
    visited = budget if last else (yield from how_many(stretch, 0, below, budget))
    values = {**stretch.values, **asked(filter), "above": last[0] - 1 if last else 0, "below": below}
    rows = yield Statement("matching_jobs" if stretch.shape is Shape.ALL else "matching_jobs_of_pairs", values)
    return Scan([number for (number,) in rows], last[0] if last else None, visited)


@read
def by_numbers(numbers: Sequence[int]) -> Steps[list[Job]]:
    """The jobs with these numbers, in that order; those that are gone are left out."""
    return (yield from jobs_numbered(numbers))


@read
def sorted_numbers(
    filter: Filter, column: SortColumn, *, descending: bool, limit: int = 50_000
) -> Steps[list[int] | None]:
    """The numbers of all jobs that match, ordered by a column, then by number; None where more than `limit` match.

    A filter that needs a scan is scanned whole here, at one go: where that may take long, `scan` first and then sort
    what was found by `sort_numbers`.
    """
    stretch = yield from stretch_of(filter)
    if not filter.needs_scan and stretch.jobs > limit:
        return None
    values = {"pairs": stretch.values["pairs"], **asked(filter), "column": column, "limit": limit + 1}
    rows = yield Statement("sorted_down" if descending else "sorted_up", values)
    return [number for (number,) in rows] if len(rows) <= limit else None


@read
def sort_numbers(numbers: Sequence[int], column: SortColumn, descending: bool) -> Steps[list[int]]:
    """These numbers, ordered as by `sorted_numbers`; those that are gone are left out."""
    values = {"numbers": json.dumps(numbers), "column": column}
    rows = yield Statement("numbers_sorted_down" if descending else "numbers_sorted_up", values)
    return [number for (number,) in rows]


# ------------------------------------------------------------------ deaths


@read
def dead_window(
    filter: Filter, *, after: tuple[int, int], newest_first: bool, limit: int, until_finished: int = BEYOND_ALL
) -> Steps[list[Job]]:
    """The next `limit` dead jobs of the filter's queues beyond `after` in the order of their deaths.

    `after` is (finished_at, number), (BEYOND_ALL, BEYOND_ALL) for the start downwards and (0, 0) for that upwards. None
    is shown that died after `until_finished` (ms).
    """
    window: dict[str, Any] = {"limit": limit}
    if newest_first:
        window["finished_below"], window["number_below"] = min(after, (until_finished, BEYOND_ALL))
    else:
        window["finished_above"], window["number_above"] = after
        window["finished_until"] = until_finished
    stretch = yield from stretch_of(filter._replace(states=(JobState.DEAD,)))
    places: list[tuple[int, int]] = []
    for _, queue in stretch.pairs:
        rows = yield Statement("deaths_down" if newest_first else "deaths_up", {**window, "queue": queue})
        places += [(finished, number) for finished, number in rows]
    places.sort(reverse=newest_first)
    return (yield from jobs_numbered([number for _, number in places[:limit]]))


@read
def deaths_after(filter: Filter, instant: int, limit: int = MOST_NEWER) -> Steps[int]:
    """How many dead jobs of the filter's queues died after an instant (ms); `limit` where that many or more."""
    stretch = yield from stretch_of(filter._replace(states=(JobState.DEAD,)))
    found = 0
    for _, queue in stretch.pairs:
        [(n,)] = yield Statement("deaths_after", {"queue": queue, "instant": instant, "limit": limit})
        found += n
    return min(found, limit)
