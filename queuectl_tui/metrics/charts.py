"""Which charts there are at which size, and how they share the room. The drawing itself is in `drawing.py`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from enum import IntEnum, StrEnum
from typing import NamedTuple

from rich.style import Style
from rich.text import Text

from queuectl_tui.metrics.series import Metrics, Series

ROOMY_COLUMNS, ROOMY_ROWS = 100, 26
"""From this size on there is room for failures and depth in charts of their own."""

GUTTER = 2
"""Columns between two charts."""


class Ink(IntEnum):
    """What is drawn with one style; the number is the colour that the plot is made with, and is replaced."""

    AXIS = 1
    DONE = 2
    FAILED = 3
    MIDDLE = 4
    HIGH = 5
    DEPTH = 6


class Mark(StrEnum):
    """How a series is drawn. Each can be told from the others without colour."""

    BARS = "█"
    CROSSES = "×"
    LINE = "⠤"
    DOTS = "•"


class Unit(StrEnum):
    """What a chart counts."""

    EVENTS = "events a minute"
    DURATION = "ms"
    JOBS = "jobs"


class Trace(NamedTuple):
    """One series in a chart, and the word for it in the legend."""

    series: Series
    word: str
    mark: Mark
    ink: Ink


class Chart(NamedTuple):
    """A title, what is counted, and what is drawn over each other, the last on top."""

    title: str
    unit: Unit
    traces: tuple[Trace, ...]


Styles = Mapping[Ink, Style]


def board(metrics: Metrics, width: int, height: int, styles: Styles, zone: tzinfo | None = None) -> Text:
    """All charts in a rectangle of `width` columns and `height` rows. Blocks for some 10 ms: not for an event loop."""
    from queuectl_tui.metrics.drawing import drawn

    bands = _bands(metrics, width, height)
    rows: list[Text] = []
    for band, tall in zip(bands, _shares(max(len(bands), height), len(bands)), strict=True):
        widths = _shares(max(len(band), width - GUTTER * (len(band) - 1)), len(band))
        sides = [drawn(chart, metrics, wide, tall, styles, zone) for chart, wide in zip(band, widths, strict=True)]
        rows += [Text(" " * GUTTER).join(line) for line in zip(*sides, strict=True)]
    for row in rows:
        row.truncate(width)  # where there is no room even for titles
    return Text("\n").join(rows[:height])


def _bands(metrics: Metrics, width: int, height: int) -> list[tuple[Chart, ...]]:
    """The charts from top to bottom, those of one band beside each other."""
    if width >= ROOMY_COLUMNS and height >= ROOMY_ROWS:
        return [
            (_throughput(metrics), _failures(metrics)),
            (_durations(metrics), _waiting(metrics)),
            (_depth(metrics),),
        ]
    return [(_outcomes(metrics), _durations(metrics)), (_depth(metrics), _waiting(metrics))]


def _throughput(metrics: Metrics) -> Chart:
    return Chart("Throughput", Unit.EVENTS, (Trace(metrics.ended, "jobs ended", Mark.BARS, Ink.DONE),))


def _failures(metrics: Metrics) -> Chart:
    return Chart("Failures", Unit.EVENTS, (Trace(metrics.failed, "runs failed", Mark.BARS, Ink.FAILED),))


def _outcomes(metrics: Metrics) -> Chart:
    """Crosses, not bars upon bars: in few rows the least stacked bar would be a lie as tall as a row."""
    failures = Series("failed", tuple(point or None for point in metrics.failed.points))
    ended = Trace(metrics.ended, "jobs ended", Mark.BARS, Ink.DONE)
    return Chart("Jobs", Unit.EVENTS, (ended, Trace(failures, "runs failed", Mark.CROSSES, Ink.FAILED)))


def _durations(metrics: Metrics) -> Chart:
    return Chart("Durations", Unit.DURATION, _quantiles(metrics.duration_p50, metrics.duration_p95))


def _waiting(metrics: Metrics) -> Chart:
    return Chart("Waiting time", Unit.DURATION, _quantiles(metrics.waiting_p50, metrics.waiting_p95))


def _quantiles(middle: Series, high: Series) -> tuple[Trace, ...]:
    return Trace(middle, "p50", Mark.LINE, Ink.MIDDLE), Trace(high, "p95", Mark.DOTS, Ink.HIGH)


def _depth(metrics: Metrics) -> Chart:
    return Chart("Queue depth", Unit.JOBS, (Trace(metrics.depth, "jobs waiting", Mark.LINE, Ink.DEPTH),))


def _shares(whole: int, parts: int) -> list[int]:
    """`whole` cells cut into parts that differ by one at most, the greater first."""
    each, left = divmod(whole, parts)
    return [each + (index < left) for index in range(parts)]
