"""From roll-ups of minutes to the points that charts show. No I/O, no clock, no drawing.

A window is cut into steps that begin at whole multiples of their length, so that a step keeps its
minutes as time goes on. Only the last step is unfinished.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.histogram import quantile
from queuectl_core.store.transactions.statistics import Minute, StepBucket

MINUTE_MS = 60_000

SETTLED_MS = 20_000
"""An unfinished step younger than this shows no rate: a few events more or less would be a leap."""

Points = tuple[float | None, ...]
"""One value a step, oldest first; None where nothing is known."""


class Window(StrEnum):
    """How far back one looks, in the words a person reads."""

    QUARTER = "15 min"
    HOURS = "3 h"
    DAY = "24 h"

    @property
    def minutes(self) -> int:
        """Its length in minutes."""
        return {Window.QUARTER: 15, Window.HOURS: 180, Window.DAY: 1440}[self]

    @property
    def step(self) -> int:
        """The length of one of its steps in minutes."""
        return {Window.QUARTER: 1, Window.HOURS: 3, Window.DAY: 15}[self]

    @property
    def next(self) -> Window:
        """The window after this one; after the last, the first."""
        order = list(Window)
        return order[(order.index(self) + 1) % len(order)]


class Series(NamedTuple):
    """What one line or one row of bars shows, and the word for it."""

    name: str
    points: Points

    @property
    def known(self) -> list[float]:
        """The values that are there."""
        return [point for point in self.points if point is not None]


class Totals(NamedTuple):
    """The whole window in figures. Rates are jobs a minute, durations ms, the share 0 to 1."""

    ended: int
    per_minute: float
    failed_share: float | None
    duration_p50: float | None
    duration_p95: float | None


class Metrics(NamedTuple):
    """What the pane shows. `starts` are the instants (ms) at which the steps begin, `queue` None means all.

    Events are counted a minute, durations and waiting times are ms, the depth is jobs.
    """

    window: Window
    queue: str | None
    starts: tuple[int, ...]
    ended: Series
    completed: Series
    failed: Series
    duration_p50: Series
    duration_p95: Series
    waiting_p50: Series
    waiting_p95: Series
    depth: Series
    totals: Totals

    @property
    def empty(self) -> bool:
        """Whether the window holds nothing to show: no event, no measure, and no job that waits."""
        series = (self.ended, self.completed, self.failed, self.duration_p50, self.waiting_p50, self.depth)
        return not any(value for each in series for value in each.known)


class _Grid(NamedTuple):
    """The steps of a window that ends now: the minute of the first, their length in minutes and their number."""

    first: int
    step: int
    steps: int
    now: int

    def step_of(self, minute: int) -> int | None:
        """The step that a minute lies in; None outside, as what a clock that was ahead has written."""
        index = (minute - self.first) // self.step
        return index if 0 <= index < self.steps else None

    @property
    def into_last(self) -> int:
        """How much of the last step has passed, in ms."""
        return self.now - (self.first + (self.steps - 1) * self.step) * MINUTE_MS

    def rates(self, counts: Sequence[int]) -> Points:
        """Events a minute, from events a step. The last step is judged by the part of it that has passed."""
        rates: list[float | None] = [count / self.step for count in counts]
        into = self.into_last
        rates[-1] = counts[-1] * MINUTE_MS / into if into >= SETTLED_MS else None
        return tuple(rates)

    @property
    def passed(self) -> float:
        """The minutes that the window has seen: all steps, and the passed part of the last."""
        return (self.steps - 1) * self.step + self.into_last / MINUTE_MS


def metrics_of(
    minutes: Iterable[Minute],
    buckets: Iterable[StepBucket],
    now: int,
    window: Window,
    queue: str | None,
    *,
    depth: int | None = None,
) -> Metrics:
    """The points of a window that ends `now` (ms), for one queue or, with None, for all together.

    `minutes` may be of any queues, `buckets` are of those that are shown. Minutes without a row are 0 for
    events and a gap for everything else. `depth` is how many jobs wait right now; it is the last point of the
    depth where it is given.
    """
    grid = _grid(now, window)
    everyone = [row for row in minutes if grid.step_of(row.minute) is not None]
    rows = [row for row in everyone if queue is None or row.queue == queue]
    ended = _counts(grid, ((row.minute, row.ended) for row in rows))
    completed = _counts(grid, ((row.minute, row.completed) for row in rows))
    failed = _counts(grid, ((row.minute, row.failed + row.timed_out + row.lost) for row in rows))
    histograms = _histograms(grid, buckets)
    longest = _longest(grid, rows)
    return Metrics(
        window,
        queue,
        tuple((grid.first + index * grid.step) * MINUTE_MS for index in range(grid.steps)),
        Series("ended", grid.rates(ended)),
        Series("completed", grid.rates(completed)),
        Series("failed", grid.rates(failed)),
        Series("p50", _quantiles(histograms["duration"], 0.5, longest)),
        Series("p95", _quantiles(histograms["duration"], 0.95, longest)),
        Series("p50", _quantiles(histograms["waiting"], 0.5)),
        Series("p95", _quantiles(histograms["waiting"], 0.95)),
        Series("depth", _depths(grid, everyone, queue, depth)),
        _totals(grid, ended, completed, failed, histograms["duration"], max(longest)),
    )


def queues_in(minutes: Iterable[Minute]) -> tuple[str, ...]:
    """The queues that anything is known of, by name."""
    return tuple(sorted({row.queue for row in minutes}))


def first_minute(now: int, window: Window) -> int:
    """The minute (since the epoch) at which a window begins that ends `now` (ms)."""
    return now // MINUTE_MS // window.step * window.step - window.minutes + window.step


def _grid(now: int, window: Window) -> _Grid:
    return _Grid(first_minute(now, window), window.step, window.minutes // window.step, now)


def _counts(grid: _Grid, events: Iterable[tuple[int, int]]) -> list[int]:
    counts = [0] * grid.steps
    for minute, count in events:
        index = grid.step_of(minute)
        if index is not None:
            counts[index] += count
    return counts


def _longest(grid: _Grid, rows: Iterable[Minute]) -> list[int]:
    longest = [0] * grid.steps
    for row in rows:
        index = grid.step_of(row.minute)
        if index is not None:
            longest[index] = max(longest[index], row.duration_max_ms)
    return longest


def _histograms(grid: _Grid, buckets: Iterable[StepBucket]) -> dict[str, list[Counter[int]]]:
    """By measure, the counts of each step by bucket."""
    histograms = {measure: [Counter[int]() for _ in range(grid.steps)] for measure in ("duration", "waiting")}
    for minute, measure, bucket, n in buckets:
        index = grid.step_of(minute)
        if index is not None:
            histograms[measure][index][bucket] += n
    return histograms


def _quantiles(histograms: Sequence[Counter[int]], q: float, longest: Sequence[int] | None = None) -> Points:
    """A quantile (ms) of each step, no more than the longest that was seen where one was seen.

    Histograms may be read a moment after the minutes, and so know of runs that these do not.
    """
    values = [quantile(histogram, q) for histogram in histograms]
    if longest is None:
        return tuple(values)
    return tuple(min(value, most) if value and most else value for value, most in zip(values, longest, strict=True))


def _depths(grid: _Grid, rows: Iterable[Minute], queue: str | None, depth: int | None) -> Points:
    """The greatest depth that was sampled in each step, and last the present one.

    A sample is written for the queues that hold something. So where any queue has one and this queue
    has none, it held nothing; where no queue has one, nobody may have looked.
    """
    sampled: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        if row.depth is not None:
            sampled[row.minute] += row.depth if queue in (None, row.queue) else 0
    points: list[float | None] = [None] * grid.steps
    for minute, jobs in sampled.items():
        index = grid.step_of(minute)
        if index is not None:
            points[index] = max(points[index] or 0, jobs)
    if depth is not None:
        points[-1] = depth
    return tuple(points)


def _totals(
    grid: _Grid,
    ended: Sequence[int],
    completed: Sequence[int],
    failed: Sequence[int],
    durations: Sequence[Counter[int]],
    longest: int,
) -> Totals:
    jobs, runs = sum(ended), sum(completed) + sum(failed)
    together: Counter[int] = Counter()
    for histogram in durations:
        together.update(histogram)
    [middle], [high] = (_quantiles([together], q, [longest]) for q in (0.5, 0.95))
    return Totals(jobs, jobs / grid.passed, sum(failed) / runs if runs else None, middle, high)
