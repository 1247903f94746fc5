"""Two things measured in turn in one run, and what is reported of them. Nothing here asserts."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Goal(NamedTuple):
    """What a figure should reach: the ratio, or (`of_ours`) ours by itself."""

    limit: float
    at_least: bool = False
    of_ours: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


class Measure(NamedTuple):
    """One line of the report. `other` is None where there is nothing to compare with.

    `spread` holds the lower and upper quartile, over the repetitions, of what the goal is for.
    """

    what: str
    unit: str
    ours: float
    other: float | None
    spread: tuple[float, float]
    goal: Goal

    @property
    def ratio(self) -> float | None:
        """Ours over the other side."""
        return self.ours / self.other if self.other else None

    @property
    def reached(self) -> bool:
        """Whether the goal was reached this time."""
        figure = self.ours if self.goal.of_ours or self.ratio is None else self.ratio
        return figure >= self.goal.limit if self.goal.at_least else figure <= self.goal.limit


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


def compared(what: str, unit: str, pairs: Pairs, goal: Goal) -> Measure:
    """The medians of both sides; the spread is that of the ratios of pairs."""
    ratios = [one / two for one, two in zip(*pairs, strict=True)]
    ours, other = (statistics.median(side) for side in pairs)
    return Measure(what, unit, ours, other, quartiles(ratios), goal)


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The lower and the upper quartile; the value itself, twice, where there is one alone."""
    if len(values) == 1:
        return values[0], values[0]
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]
