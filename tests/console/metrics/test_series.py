"""From roll-ups to points."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.store.transactions.statistics import Minute, StepBucket
from queuectl_tui.metrics.series import MINUTE_MS, Metrics, Window, metrics_of
from tests.console.metrics.rows import FIRST, minute, took
from tests.store.engines import NOON

HALF = MINUTE_MS // 2


def measured(
    minutes: Sequence[Minute] = (),
    buckets: Sequence[StepBucket] = (),
    now: int = NOON + HALF,
    window: Window = Window.QUARTER,
    queue: str | None = None,
    depth: int | None = None,
) -> Metrics:
    return metrics_of(minutes, buckets, now, window, queue, depth=depth)


@pytest.mark.parametrize("window", Window)
def test_a_window_is_cut_into_whole_steps_and_ends_with_the_present_one(window: Window) -> None:
    metrics = measured(window=window)

    length = window.step * MINUTE_MS
    assert len(metrics.starts) == window.minutes // window.step
    assert all(start % length == 0 for start in metrics.starts)
    assert metrics.starts[-1] <= NOON + HALF < metrics.starts[-1] + length
    assert all(after - before == length for before, after in zip(metrics.starts, metrics.starts[1:], strict=False))


def test_after_the_last_window_comes_the_first() -> None:
    assert Window.QUARTER.next.next.next is Window.QUARTER


def test_a_step_keeps_its_minutes_as_time_goes_on() -> None:
    rows = [minute(FIRST - back, ended=back) for back in range(180)]

    before = measured(rows, window=Window.HOURS)
    after = measured(rows, now=NOON + HALF + MINUTE_MS, window=Window.HOURS)

    known = dict(zip(before.starts[:-1], before.ended.points[:-1], strict=True))
    later = dict(zip(after.starts[:-1], after.ended.points[:-1], strict=True))
    assert all(later[start] == value for start, value in known.items() if start in later)


def test_events_of_a_step_are_told_a_minute() -> None:
    begin = measured(window=Window.HOURS).starts[3] // MINUTE_MS

    metrics = measured([minute(begin, ended=4), minute(begin + 2, ended=5)], window=Window.HOURS)

    assert metrics.ended.points[3] == 3
    assert metrics.ended.points[2] == 0


def test_failures_are_runs_that_failed_timed_out_or_were_lost() -> None:
    row = minute(FIRST - 1, ended=9, completed=7, failed=1, timed_out=2, lost=3, cancelled=10, released=20)

    metrics = measured([row])

    assert (metrics.completed.points[-2], metrics.failed.points[-2]) == (7, 6)
    assert metrics.totals.failed_share == 6 / 13


def test_minutes_without_a_row_are_nothing_for_events_and_unknown_for_the_rest() -> None:
    metrics = measured()

    assert set(metrics.ended.points) == {0.0}
    assert metrics.duration_p95.points == metrics.waiting_p50.points == metrics.depth.points == (None,) * 15
    assert metrics.totals == (0, 0.0, None, None, None)
    assert metrics.empty


def test_an_unfinished_step_is_judged_by_the_part_that_has_passed() -> None:
    assert measured([minute(FIRST, ended=10)]).ended.points[-1] == 20


def test_a_step_that_has_only_begun_shows_no_rate() -> None:
    rows = [minute(FIRST, ended=10), minute(FIRST - 1, ended=30)]

    assert measured(rows, now=NOON + 5_000).ended.points[-2:] == (30, None)


def test_the_rate_of_the_window_is_over_the_time_it_has_seen() -> None:
    totals = measured([minute(FIRST - 3, ended=29)]).totals

    assert (totals.ended, totals.per_minute) == (29, 29 / 14.5)


def test_rows_from_outside_the_window_are_left_out() -> None:
    rows = [minute(FIRST - 15, ended=7, depth=7), minute(FIRST + 1, ended=7, depth=7)]

    metrics = measured(rows, [took(FIRST - 15, 5), took(FIRST + 1, 5)])

    assert metrics.empty
    assert metrics.totals.ended == 0


def test_queues_are_shown_together_or_one_alone() -> None:
    rows = [minute(FIRST - 1, "a", ended=1, depth=3), minute(FIRST - 1, "b", ended=2, depth=4)]

    together, alone = measured(rows), measured(rows, queue="a")

    assert (together.ended.points[-2], alone.ended.points[-2]) == (3, 1)
    assert (together.depth.points[-2], alone.depth.points[-2]) == (7, 3)


def test_quantiles_of_a_step_are_within_a_fifth() -> None:
    rows = [minute(FIRST - 1, completed=100, duration_max_ms=2000)]
    buckets = [took(FIRST - 1, ms) for ms in range(20, 2001, 20)]

    metrics = measured(rows, buckets)

    assert metrics.duration_p50.points[-2] == pytest.approx(1000, rel=0.2)
    assert metrics.duration_p95.points[-2] == pytest.approx(1900, rel=0.2)
    assert metrics.totals.duration_p50 == metrics.duration_p50.points[-2]


def test_no_duration_is_longer_than_the_longest() -> None:
    metrics = measured([minute(FIRST - 1, completed=1, duration_max_ms=1001)], [took(FIRST - 1, 1001)])

    assert metrics.duration_p95.points[-2] == metrics.totals.duration_p95 == 1001


def test_runs_read_after_their_minute_are_not_taken_for_instant_ones() -> None:
    assert measured(buckets=[took(FIRST, 1000)]).duration_p50.points[-1] == pytest.approx(1000, rel=0.2)


def test_waiting_times_are_apart_from_durations() -> None:
    metrics = measured(buckets=[took(FIRST - 1, 500, measure="waiting")])

    assert metrics.duration_p50.points[-2] is None
    assert metrics.waiting_p50.points[-2] == pytest.approx(500, rel=0.2)


def test_the_depth_of_a_step_is_the_greatest_sampled() -> None:
    begin = measured(window=Window.HOURS).starts[5] // MINUTE_MS
    rows = [minute(begin, depth=3), minute(begin + 1, depth=8), minute(begin + 2, depth=2)]

    assert measured(rows, window=Window.HOURS).depth.points[4:7] == (None, 8, None)


def test_a_queue_without_a_sample_where_others_have_one_was_empty() -> None:
    rows = [minute(FIRST - 2, "a", depth=3), minute(FIRST - 2, "b", ended=1), minute(FIRST - 3, "b", ended=1)]

    assert measured(rows, queue="b").depth.points[-4:-1] == (None, 0, None)


def test_the_present_depth_is_the_last_point() -> None:
    rows = [minute(FIRST, depth=80)]

    assert measured(rows, depth=5).depth.points[-1] == 5
    assert measured(rows).depth.points[-1] == 80


def test_jobs_that_wait_are_something_to_show() -> None:
    assert not measured(depth=1).empty
    assert measured(depth=0).empty


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 10**6))), st.integers(0, 899_999))
def test_no_event_of_a_window_is_lost_or_counted_twice(events: list[tuple[int, int]], into: int) -> None:
    now = NOON + into
    rows = [minute(now // MINUTE_MS - back, ended=ended) for back, ended in events]

    metrics = measured(rows, now=now, window=Window.DAY)

    begin = metrics.starts[0] // MINUTE_MS
    assert metrics.totals.ended == sum(row.ended for row in rows if row.minute >= begin)
    assert sum(metrics.ended.known[:-1]) <= metrics.totals.ended / Window.DAY.step + 1e-6
