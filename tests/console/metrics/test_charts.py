"""What charts look like: as text, in any size, in the styles they were given."""

from __future__ import annotations

import itertools
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from rich.style import Style
from rich.text import Text

from queuectl_tui.metrics.charts import Ink, Mark, board
from queuectl_tui.metrics.series import MINUTE_MS, Metrics, Window, metrics_of
from tests.console.metrics.rows import FIRST, minute, took
from tests.store.engines import NOON

STYLES = {ink: Style(color=f"#0000{int(ink):02x}") for ink in Ink}
UTC = ZoneInfo("UTC")

SMALL, LARGE = (78, 18), (158, 40)


def busy(window: Window = Window.QUARTER) -> Metrics:
    rows = [
        minute(
            FIRST - back, ended=100 + back % 50, completed=100, failed=back % 3 * 20, depth=back, duration_max_ms=9000
        )
        for back in range(1, 1400)
        if back % 9 != 4
    ]
    buckets = [
        took(row.minute, ms, 10, measure=measure)
        for row in rows
        for measure, ms in (("duration", 120), ("duration", 1400), ("waiting", 7))
    ]
    return metrics_of(rows, buckets, NOON + MINUTE_MS // 2, window, None)


def drawn(metrics: Metrics, size: tuple[int, int]) -> Text:
    return board(metrics, *size, STYLES, UTC)


@pytest.mark.parametrize("window", Window)
@pytest.mark.parametrize("size", [SMALL, LARGE, (99, 25), (100, 26), (60, 10), (300, 90)])
def test_the_board_fills_its_room_and_no_more(window: Window, size: tuple[int, int]) -> None:
    lines = drawn(busy(window), size).split("\n")

    assert [line.cell_len for line in lines] == [size[0]] * size[1]


@pytest.mark.parametrize("size", list(itertools.product((1, 7, 20, 40), (1, 3, 6, 12))))
def test_the_smallest_room_breaks_nothing(size: tuple[int, int]) -> None:
    lines = drawn(busy(), size).split("\n")

    assert len(lines) == size[1]
    assert all(line.cell_len <= size[0] for line in lines)


def test_a_small_board_shows_everything_in_four_charts() -> None:
    text = drawn(busy(), SMALL).plain

    for word in ("jobs ended", "runs failed", "Durations", "p50", "p95", "Queue depth", "Waiting time"):
        assert word in text
    assert "Throughput" not in text


def test_a_large_board_has_five_charts() -> None:
    text = drawn(busy(), LARGE).plain

    for title in ("Throughput", "Failures", "Durations", "Waiting time", "Queue depth"):
        assert title in text


def test_axes_have_units_and_times_of_the_clock() -> None:
    text = drawn(busy(), LARGE).plain

    assert "/min" in text
    assert "100ms" in text
    assert "22:10" in text


def test_no_two_series_of_a_chart_need_colour_to_be_told_apart() -> None:
    text = drawn(busy(), SMALL).plain

    assert "█" in text
    assert text.count(Mark.CROSSES) > 1  # one is that of the legend
    assert text.count(Mark.DOTS) > 4
    assert any("\u2800" < character <= "\u28ff" and character != Mark.LINE for character in text)


def test_every_colour_is_one_of_the_theme() -> None:
    board_text = drawn(busy(), LARGE)

    colours = {span.style.color for span in board_text.spans if isinstance(span.style, Style) and span.style.color}
    assert colours == {style.color for style in STYLES.values()}


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_window_without_any_event_can_be_drawn(size: tuple[int, int]) -> None:
    text = drawn(metrics_of([], [], NOON, Window.DAY, None, depth=3), size).plain

    assert "Queue depth" in text


def test_a_minute_in_which_nothing_ended_has_no_bar() -> None:
    quiet = drawn(metrics_of([minute(FIRST - 3, ended=5)], [], NOON, Window.QUARTER, None), LARGE).plain
    lowest = next(line for line in quiet.split("\n") if " 0┤" in line)

    assert 0 < sum(character in "█▌▐▄▖▗▙▟" for character in lowest) < 7


def test_a_peak_is_seen_where_steps_are_more_than_columns() -> None:
    rows = [minute(FIRST - 15 * step, ended=15) for step in range(2, 90)]
    peak = minute(FIRST - 15 * 41, ended=17_985)

    for back in range(4):
        moved = [*rows, peak._replace(minute=peak.minute - 15 * back)]
        top = drawn(metrics_of(moved, [], NOON, Window.DAY, None), (60, 18)).plain.split("\n")[1]
        assert set(top) & set("█▌▐▄▖▗")


def test_the_pane_loads_no_plotext_before_it_draws() -> None:
    script = "import sys, queuectl_tui.metrics.charts; sys.exit('plotext' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
