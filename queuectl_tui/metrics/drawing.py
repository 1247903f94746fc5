"""One chart drawn with plotext, and its colours exchanged for those of the theme.

plotext keeps one figure for the whole process, so drawings follow each other. Import this module where
something is drawn, not before: it loads plotext.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import tzinfo

import plotext
from rich.style import Style
from rich.text import Text

from queuectl_tui.metrics.axes import Scale, Ticks, count_scale, duration_scale, rate_scale, time_ticks
from queuectl_tui.metrics.charts import Chart, Ink, Mark, Styles, Trace, Unit
from queuectl_tui.metrics.series import Metrics, Points

LEAST_COLUMNS, LEAST_ROWS = 16, 5
"""Below this size a chart is only its title."""

_AXES = 2  # the rows of the time axis: the line and the times
_FINE = 2  # quadrants and braille have two columns in a cell

_figure = threading.Lock()


def drawn(
    chart: Chart, metrics: Metrics, width: int, height: int, styles: Styles, zone: tzinfo | None = None
) -> list[Text]:
    """The lines of a chart: `height` of them, each `width` cells wide. Times are those of `zone`, None: local."""
    title = _title(chart, width, styles)
    if width < LEAST_COLUMNS or height < LEAST_ROWS:
        return [title] + [Text(" " * width)] * (height - 1)
    rows = height - 1
    scale, traces = _scaled(chart, rows - _AXES)
    columns = width - max(map(len, scale.ticks.labels)) - 1
    times = time_ticks(metrics.starts, metrics.window, columns, zone)
    with _figure:
        _prepare(width, rows, scale, times, len(metrics.starts))
        for trace, points in traces:
            _trace(trace, points, columns)
        lines = Text.from_ansi(plotext.build()).split("\n")
    body = [_inked(line, styles) for line in lines[:rows]]
    for line in (title, *body):
        line.pad_right(max(0, width - line.cell_len))
    return [title, *body]


def _title(chart: Chart, width: int, styles: Styles) -> Text:
    title = Text().append(chart.title, Style(bold=True))
    for trace in chart.traces:
        title.append("  ").append(trace.mark.value, styles[trace.ink]).append(f" {trace.word}", styles[Ink.AXIS])
    title.truncate(width, overflow="ellipsis", pad=True)
    return title


def _scaled(chart: Chart, rows: int) -> tuple[Scale, list[tuple[Trace, Points]]]:
    """The scale that holds all traces, and each trace's points as coordinates on it."""
    values = [value for trace in chart.traces for value in trace.series.known]
    factor = 1.0
    match chart.unit:
        case Unit.EVENTS:
            scale, factor = rate_scale(values, rows)
        case Unit.DURATION:
            scale = duration_scale(values, rows)
        case Unit.JOBS:
            scale = count_scale(values, rows)
    placed = [
        tuple(None if point is None else scale.place(point * factor) for point in trace.series.points)
        for trace in chart.traces
    ]
    return scale, list(zip(chart.traces, placed, strict=True))


def _prepare(width: int, height: int, scale: Scale, times: Ticks, steps: int) -> None:
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.limit_size(False, False)
    plotext.plot_size(width, height)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.ticks_color(int(Ink.AXIS))
    plotext.xlim(-0.5, steps - 0.5)
    plotext.ylim(scale.low, scale.high)
    plotext.xticks(times.places, times.labels)
    plotext.yticks(scale.ticks.places, scale.ticks.labels)
    # Without a point plotext leaves the axes out.
    plotext.scatter([-1.0], [scale.low], marker=" ", color=int(Ink.AXIS))


def _trace(trace: Trace, points: Points, columns: int) -> None:
    color = int(trace.ink)
    match trace.mark:
        case Mark.BARS:
            places, heights = _bars(points, columns * _FINE)
            plotext.scatter(places, heights, marker="hd", color=color, fillx=True)
        case Mark.LINE:
            for stretch in _stretches(points):
                plotext.plot(*stretch, marker="braille", color=color)
        case Mark.CROSSES | Mark.DOTS:
            places, heights = _known(points)
            plotext.scatter(places, heights, marker=trace.mark.value, color=color)


def _known(points: Points) -> tuple[list[float], list[float]]:
    known = [(float(index), point) for index, point in enumerate(points) if point is not None]
    return [index for index, _ in known], [point for _, point in known]


def _bars(points: Points, columns: int) -> tuple[list[float], list[float]]:
    """A bar for each step that fills its share of `columns`, the last of them left free where there are four.

    Where steps are more than columns, a column has the highest of its steps: no peak is lost.
    """
    places, heights = list[float](), list[float]()
    steps = len(points)
    gap = columns / steps >= 4
    for column in range(columns):
        first, beyond = column * steps // columns, (column + 1) * steps // columns
        height = max(point or 0.0 for point in points[first : max(first + 1, beyond)])
        if height and not (gap and beyond > first):
            places.append(-0.5 + column * steps / (columns - 1))
            heights.append(height)
    return places, heights


def _stretches(points: Points) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
    """The runs of points between gaps, as places and heights."""
    places, heights = list[float](), list[float]()
    for index, point in enumerate((*points, None)):
        if point is not None:
            places.append(float(index))
            heights.append(point)
        elif places:
            yield places, heights
            places, heights = [], []


def _inked(line: Text, styles: Styles) -> Text:
    """A line of the plot in the styles of the theme."""
    inked = Text(line.plain)
    for start, end, style in line.spans:
        number = style.color.number if isinstance(style, Style) and style.color else None
        if number is not None:
            inked.stylize(styles[Ink(number)], start, end)
    return inked
