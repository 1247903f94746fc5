"""Ticks, and what stands beside them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_tui.metrics.axes import count_scale, duration_scale, rate_scale, short, time_ticks
from queuectl_tui.metrics.series import Window, metrics_of

UTC = ZoneInfo("UTC")
INSTANT = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC


def starts(window: Window, now: int = INSTANT) -> tuple[int, ...]:
    return metrics_of([], [], now, window, None).starts


@given(st.lists(st.floats(0, 1e9), max_size=5), st.integers(3, 40))
def test_a_scale_of_counts_holds_every_value(values: list[float], rows: int) -> None:
    scale = count_scale(values, rows)

    assert scale.low == 0
    assert all(value <= scale.high * (1 + 1e-9) for value in values)
    assert len(scale.ticks.places) == len(scale.ticks.labels) <= rows


@given(st.lists(st.floats(0, 3e11), max_size=5), st.integers(2, 40))
def test_a_scale_of_durations_holds_every_value_at_any_height(values: list[float], rows: int) -> None:
    scale = duration_scale(values, rows)

    assert scale.low < scale.high
    assert all(scale.low <= scale.place(value) <= scale.high for value in values)
    assert len(scale.ticks.places) == len(scale.ticks.labels) <= rows
    assert all(scale.low <= place <= scale.high for place in scale.ticks.places)


@pytest.mark.parametrize(
    ("values", "labels"),
    [([], ("0", "0.5/min", "1/min")[::2]), ([7.0, 210.0], ("0", "300/min")), ([90_000.0], ("0", "2k/s"))],
)
def test_the_highest_tick_of_a_rate_has_its_unit(values: list[float], labels: tuple[str, ...]) -> None:
    assert rate_scale(values, 4)[0].ticks.labels == labels


def test_many_events_are_told_a_second() -> None:
    assert rate_scale([599.0], 4)[1] == 1
    assert rate_scale([600.0], 4)[1] == 1 / 60


def test_no_tick_stands_at_half_a_job() -> None:
    assert count_scale([1, 3], 9).ticks.labels == ("0", "3")
    assert count_scale([1, 4], 9).ticks.labels == ("0", "2", "4")


def test_durations_have_ticks_at_lengths_that_people_know() -> None:
    assert duration_scale([120.0, 1400.0], 12).ticks.labels == ("100ms", "300ms", "1s", "3s")
    assert duration_scale([5000.0, 4e6], 12).ticks.labels == ("3s", "10s", "30s", "1m", "5m", "15m", "1h", "4h")[::2]


def test_a_duration_of_nothing_is_the_least_there_is() -> None:
    scale = duration_scale([0.0], 9)

    assert scale.place(0.0) == scale.low == 0.0


@pytest.mark.parametrize(
    ("window", "columns", "labels"),
    [
        (Window.QUARTER, 33, ("22:00", "22:05", "22:10")),
        (Window.HOURS, 33, ("20:00", "21:00", "22:00")),
        (Window.HOURS, 70, ("19:30", "20:00", "20:30", "21:00", "21:30", "22:00")),
        (Window.DAY, 33, ("00:00", "06:00", "12:00", "18:00")),
    ],
)
def test_times_are_round_and_fit_beside_each_other(window: Window, columns: int, labels: tuple[str, ...]) -> None:
    ticks = time_ticks(starts(window), window, columns, UTC)

    assert ticks.labels == labels
    assert ticks.places == tuple(sorted(ticks.places))


def test_times_are_those_of_the_reader() -> None:
    assert time_ticks(starts(Window.DAY), Window.DAY, 33, ZoneInfo("Asia/Kathmandu")).labels == (
        "06:00",
        "12:00",
        "18:00",
        "00:00",
    )


def test_where_clocks_are_set_back_the_time_between_is_longer() -> None:
    night = 1_698_570_000_000  # 2023-10-29 09:00 UTC; Berlin was set back at 01:00 UTC

    ticks = time_ticks(starts(Window.DAY, night), Window.DAY, 33, ZoneInfo("Europe/Berlin"))

    places = dict(zip(ticks.labels, ticks.places, strict=True))
    assert places["06:00"] - places["00:00"] == 7 * 4


@pytest.mark.parametrize(("number", "text"), [(0.25, "0.25"), (40, "40"), (1200, "1.2k"), (3e7, "30M"), (2e9, "2G")])
def test_numbers_are_short(number: float, text: str) -> None:
    assert short(number) == text
