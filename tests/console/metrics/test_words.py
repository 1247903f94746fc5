"""The lines above the charts."""

from __future__ import annotations

from queuectl_tui.metrics.series import Totals, Window
from queuectl_tui.metrics.words import figures_line, nothing_yet, scope_line


def test_a_window_in_figures() -> None:
    totals = Totals(1204, 80.2, 0.031, 120.0, 1400.0)

    assert figures_line(totals).plain == "ended 1,204   rate 80.2/min   runs failed 3.1 %   p50 120ms   p95 1.4s"


def test_what_is_not_known_is_not_zero() -> None:
    assert figures_line(Totals(0, 0, None, None, None)).plain == "ended 0   rate 0/min   runs failed –   p50 –   p95 –"


def test_high_rates_are_told_a_second() -> None:
    assert "rate 20.5/s" in figures_line(Totals(1, 1230, None, None, None)).plain


def test_the_scope_names_the_queue_and_what_waits() -> None:
    assert scope_line(Window.QUARTER, None, ("a", "b"), 812, 260_000).plain == (
        "all queues · last 15 min   depth 812   oldest waits 4m"
    )
    assert scope_line(Window.DAY, "b", ("a", "b"), 0, None).plain == "queue b (2 of 2) · last 24 h   depth 0"


def test_the_name_of_a_queue_is_data() -> None:
    for line in (scope_line(Window.DAY, "[red]\x1b[2J", (), 0, None), nothing_yet(Window.DAY, "[red]\x1b[2J")):
        assert "[red]\\x1b[2J" in line.plain


def test_where_there_is_nothing_two_lines_say_what_to_do() -> None:
    lines = nothing_yet(Window.QUARTER, None).plain.strip().split("\n")

    assert len(lines) == 2
    assert all(len(line) <= 78 for line in lines)
    assert "queuectl enqueue" in lines[1]
