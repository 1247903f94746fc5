"""The axes of charts: where their ticks are and what stands beside them, in words that people read.

Values go in as the series have them (events a minute, ms, jobs) and come out as coordinates of a chart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from queuectl_core.model.durations import format_duration
from queuectl_tui.metrics.series import Window

_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
RUNGS_MS = (
    *(1, 3, 10, 30, 100, 300, _SECOND, 3 * _SECOND, 10 * _SECOND, 30 * _SECOND),
    *(_MINUTE, 5 * _MINUTE, 15 * _MINUTE, _HOUR, 4 * _HOUR, 12 * _HOUR, _DAY, 10 * _DAY, 100 * _DAY, 4000 * _DAY),
)
"""Where a scale of durations may begin, have a tick and end: round lengths, each about three times the one before."""

ROWS_A_TICK = 2
"""A tick of a vertical axis has at least so many rows."""

COLUMNS_A_TIME = 8
"""A time below the charts has at least so many columns: five for itself, and air."""

_TIME_EVERY = {
    Window.QUARTER: (5, 10, 15),
    Window.HOURS: (30, 60, 120),
    Window.DAY: (120, 180, 240, 360, 720),
}


class Ticks(NamedTuple):
    """Coordinates on an axis, and the text beside each."""

    places: tuple[float, ...]
    labels: tuple[str, ...]


class Scale(NamedTuple):
    """A vertical axis: its ends as coordinates, its ticks, and whether coordinates are logarithms of values."""

    low: float
    high: float
    ticks: Ticks
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """The coordinate of a value, kept within the axis."""
        coordinate = math.log10(max(value, 1e-9)) if self.logarithmic else value
        return min(max(coordinate, self.low), self.high)


def count_scale(values: Sequence[float], rows: int, unit: str = "") -> Scale:
    """From 0 to a round number above all values; `unit` stands beside the highest tick."""
    top = _round_above(max(values, default=0.0))
    halved = rows > 2 * ROWS_A_TICK and (bool(unit) or top % 2 == 0)  # half a job is no tick
    places = (0.0, top / 2, top) if halved else (0.0, top)
    return Scale(0.0, top, Ticks(places, (*map(short, places[:-1]), short(top) + unit)))


def rate_scale(values: Sequence[float], rows: int) -> tuple[Scale, float]:
    """A scale for events a minute, and what to multiply them by: it tells them a second where they are many."""
    factor, unit = (1 / 60, "/s") if max(values, default=0.0) >= 600 else (1.0, "/min")
    return count_scale([value * factor for value in values], rows, unit), factor


def duration_scale(values: Sequence[float], rows: int) -> Scale:
    """A logarithmic scale for ms, from the rung below all values to the one above."""
    low, high = min(values, default=_SECOND), max(values, default=_SECOND)
    first = max((index for index, rung in enumerate(RUNGS_MS) if rung <= low), default=0)
    last = min((index for index, rung in enumerate(RUNGS_MS) if rung >= high), default=len(RUNGS_MS) - 1)
    first, last = max(0, min(first, last - 2)), max(last, 2)  # at least two steps of the ladder
    stride = math.ceil((last - first) / max(1, rows // ROWS_A_TICK))
    rungs = [RUNGS_MS[index] for index in range(first, last + 1, stride)]
    labels = tuple(format_duration(rung / 1000, parts=1) for rung in rungs)
    ends = math.log10(RUNGS_MS[first]), math.log10(RUNGS_MS[last])
    return Scale(*ends, Ticks(tuple(map(math.log10, rungs)), labels), logarithmic=True)


def time_ticks(starts: Sequence[int], window: Window, columns: int, zone: tzinfo | None = None) -> Ticks:
    """Round local times (HH:MM) under the steps that begin then; `zone` None is where the reader is."""
    every = next((each for each in _TIME_EVERY[window] if window.minutes / each * COLUMNS_A_TIME <= columns), 0)
    every = every or _TIME_EVERY[window][-1]
    times = [datetime.fromtimestamp(start / 1000, zone) for start in starts]
    round_ones = [index for index, time in enumerate(times) if (time.hour * 60 + time.minute) % every == 0]
    return Ticks(tuple(map(float, round_ones)), tuple(times[index].strftime("%H:%M") for index in round_ones))


def short(value: float) -> str:
    """A number in at most four characters or so: `0.4`, `12`, `1.2k`, `30M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _round_above(value: float) -> float:
    """The least of some round multiples of a power of ten that is no less; 1 for next to nothing."""
    if value < 0.001:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 3, 4, 5, 6, 8, 10) if power * step >= value * (1 - 1e-9))
