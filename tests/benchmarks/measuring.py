"""Two things measured in turn in one run, and what is reported of them. Nothing here asserts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How far a figure came this time; `WANTED`: as far as was wanted, beyond the goal."""

    MISSED = "missed"
    REACHED = "reached"
    WANTED = "wanted"


class Goal(NamedTuple):
    """What a figure should reach: the ratio, or (`of_ours`) ours by itself. `want` is the more ambitious limit."""

    limit: float
    at_least: bool = False
    of_ours: bool = False
    want: float | None = None

    def __str__(self) -> str:
        return self.text(self.limit)

    def text(self, limit: float) -> str:
        """One of the limits, with which side of it is good."""
        return f"{'≥' if self.at_least else '≤'} {limit:g}"

    def verdict(self, figure: float) -> Verdict:
        """How far a figure came."""
        if self.want is not None and self._keeps(figure, self.want):
            return Verdict.WANTED
        return Verdict.REACHED if self._keeps(figure, self.limit) else Verdict.MISSED

    def _keeps(self, figure: float, limit: float) -> bool:
        return figure >= limit if self.at_least else figure <= limit


class Measure(NamedTuple):
    """One line of the report. `other` is None where there is nothing to compare with.

    `spread` holds the lower and upper quartile, over the repetitions, of what the goal is for. `paired` is the median
    of the ratios of pairs, where both sides were measured in turn: what else the machine did then met both alike.
    Without a goal the line is there to be read beside others.
    """

    what: str
    unit: str
    ours: float
    other: float | None
    spread: tuple[float, float]
    goal: Goal | None = None
    paired: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the other side."""
        if self.paired is not None:
            return self.paired
        return self.ours / self.other if self.other else None

    @property
    def verdict(self) -> Verdict | None:
        """How far it came this time; None where there is no goal."""
        if self.goal is None:
            return None
        return self.goal.verdict(self.ours if self.goal.of_ours or self.ratio is None else self.ratio)


class Unmeasured(NamedTuple):
    """What was left out of a run, and why."""

    what: str
    why: str


Finding = Measure | Unmeasured
"""What a benchmark yields."""


class Pairs(NamedTuple):
    """What two sides gave, a pair each repetition."""

    ours: list[float]
    other: list[float]

    def rates(self, n: int) -> Pairs:
        """Seconds for `n` things, as things a second."""
        return Pairs([n / seconds for seconds in self.ours], [n / seconds for seconds in self.other])

    def scaled(self, factor: float) -> Pairs:
        """In another unit."""
        return Pairs([value * factor for value in self.ours], [value * factor for value in self.other])


def interleave(ours: Callable[[], float], other: Callable[[], float], repetitions: int, warm_up: int = 0) -> Pairs:
    """Measure both sides in turn, so that whatever the machine does besides meets both alike."""
    for _ in range(warm_up):
        ours()
        other()
    pairs = [(ours(), other()) for _ in range(repetitions)]
    return Pairs([one for one, _ in pairs], [two for _, two in pairs])


def compared(what: str, unit: str, pairs: Pairs, goal: Goal | None = None) -> Measure:
    """The medians of both sides and of the ratios of pairs; the spread is that of these, or of ours as the goal is."""
    ratios = [one / two for one, two in zip(*pairs, strict=True)]
    ours, other = (statistics.median(side) for side in pairs)
    spread = quartiles(pairs.ours if goal and goal.of_ours else ratios)
    return Measure(what, unit, ours, other, spread, goal, statistics.median(ratios))


def alone(what: str, unit: str, values: Sequence[float], goal: Goal | None = None) -> Measure:
    """The median of what has no other side, with its quartiles."""
    return Measure(what, unit, statistics.median(values), None, quartiles(values), goal)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The lower and the upper quartile; the value itself, twice, where there is one alone."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
