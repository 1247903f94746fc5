"""Durations and instants, as people write them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.cleaning import shown
from queuectl_core.model.durations import (
    LONGEST_SECONDS,
    aware,
    format_duration,
    parse_duration,
    parse_instant,
)
from queuectl_core.model.errors import InvalidInput

NOON = datetime(2030, 6, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the zone of the process, by POSIX rule or name."""

    def move_to(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield move_to
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("given_value", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        (" 1.5s ", 1.5),
        (".5s", 0.5),
        ("250ms", 0.25),
        ("10m", 600),
        ("2h", 7200),
        ("7d", 604_800),
        ("1h30m", 5400),
        ("1d2h3m4s5ms", 93_784.005),
        ("0", 0),
        (0, 0),
        (12, 12),
        (0.25, 0.25),
        ("3650d", LONGEST_SECONDS),
    ],
)
def test_a_duration_is_read(given_value: str | float, seconds: float) -> None:
    assert parse_duration(given_value, "delay") == pytest.approx(seconds)


@pytest.mark.parametrize(
    "bad",
    [
        *("", " ", "s", "1x", "1 h", "1h 30m", "30m1h", "1h1h", "1e3", "1_000", "٣s", "1.s", "nan", "inf"),
        *("-", "--1", "+1", "-1", "-1h", "3651d", "9" * 400),
        *(-1, -0.5, True, None, [], nan, inf, -inf, 10**5000, -(10**5000)),
    ],
    ids=shown,
)
def test_a_bad_duration_is_refused_by_the_name_of_its_field(bad: object) -> None:
    with pytest.raises(InvalidInput, match=r"^timeout must ") as refusal:
        parse_duration(bad, "timeout")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-3, "0s"),
        (0.25, "250ms"),
        (0.9999, "1s"),
        (1.5, "1.5s"),
        (12.345, "12.3s"),
        (59.96, "1m"),
        (61, "1m1s"),
        (5400, "1h30m"),
        (3601, "1h"),
        (604_800, "7d"),
        (90_061, "1d1h"),
    ],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_duration_is_written_in_full_where_asked() -> None:
    assert format_duration(90_061, parts=4) == "1d1h1m1s"


lengths = st.floats(min_value=0, max_value=LONGEST_SECONDS)


@given(lengths)
def test_a_written_duration_reads_as_nearly_the_same(seconds: float) -> None:
    assert parse_duration(format_duration(seconds), "delay") == pytest.approx(seconds, rel=0.05, abs=0.0006)


@given(lengths)
def test_writing_what_was_read_changes_nothing(seconds: float) -> None:
    text = format_duration(seconds)

    assert format_duration(parse_duration(text, "delay")) == text


@given(st.integers(min_value=0, max_value=int(LONGEST_SECONDS)))
def test_whole_seconds_survive_the_round_trip_in_full(seconds: int) -> None:
    exact = format_duration(seconds, parts=4)

    assert parse_duration(exact, "delay") == seconds


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans())
def test_a_duration_is_in_bounds_or_refused(value: object) -> None:
    try:
        seconds = parse_duration(value, "delay")
    except InvalidInput:
        return
    assert 0 <= seconds <= LONGEST_SECONDS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2030-01-31T09:30:00Z", datetime(2030, 1, 31, 9, 30, tzinfo=UTC)),
        ("2030-01-31t09:30z", datetime(2030, 1, 31, 9, 30, tzinfo=UTC)),
        ("2030-01-31 09:30+02:00", datetime(2030, 1, 31, 7, 30, tzinfo=UTC)),
        ("20300131T093000.5Z", datetime(2030, 1, 31, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("1970-01-01T00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_with_a_zone_is_read(text: str, expected: datetime) -> None:
    assert parse_instant(text, "run_at", NOON) == expected


def test_an_instant_without_a_zone_is_local(local_zone: Callable[[str], None]) -> None:
    local_zone("XXX-3")

    assert parse_instant("2030-01-31T09:30", "run_at", NOON) == datetime(2030, 1, 31, 6, 30, tzinfo=UTC)
    assert parse_instant("2030-01-31", "run_at", NOON) == datetime(2030, 1, 30, 21, 0, tzinfo=UTC)


def test_a_clock_time_is_the_next_one_local(local_zone: Callable[[str], None]) -> None:
    local_zone("XXX-3")  # noon UTC is 15:00 here

    assert parse_instant("15:30", "run_at", NOON) == NOON + timedelta(minutes=30)
    assert parse_instant("15:00", "run_at", NOON) == NOON + timedelta(days=1)
    assert parse_instant("9:00:30", "run_at", NOON) == NOON + timedelta(hours=18, seconds=30)


def test_a_clock_time_that_comes_twice_means_the_one_still_to_come(local_zone: Callable[[str], None]) -> None:
    local_zone("CET-1CEST,M3.5.0,M10.5.0/3")
    between = datetime(2030, 10, 27, 0, 45, tzinfo=UTC)  # 02:45 in summer; 02:30 returns in 45 minutes

    assert parse_instant("02:30", "run_at", between) == datetime(2030, 10, 27, 1, 30, tzinfo=UTC)


def test_a_clock_time_that_a_day_skips_still_comes(local_zone: Callable[[str], None]) -> None:
    local_zone("CET-1CEST,M3.5.0,M10.5.0/3")
    before = datetime(2030, 3, 31, 0, 0, tzinfo=UTC)  # 01:00; 02:00 to 03:00 does not exist

    assert before < parse_instant("02:30", "run_at", before) < before + timedelta(hours=2)


@pytest.mark.parametrize(
    "bad",
    [
        *("", "soon", "24:00", "12:60", "12:00:60", "1:2", "٠٩:30", "1700000000", "2030-13-01"),
        *("2030-01-31x09:30", "2030-01-31+02:00", "2030-01-31T", "2030-01-31T25:00", "20300131T9"),
        *("2030-01-31T09:30 Z", None, 12, True, []),
    ],
    ids=shown,
)
def test_a_bad_instant_is_refused_by_the_name_of_its_field(bad: object) -> None:
    with pytest.raises(InvalidInput, match=r"^next_run must be a time such as"):
        parse_instant(bad, "next_run", NOON)


@pytest.mark.parametrize(
    "text",
    ["1969-12-31T23:59:59Z", "0001-01-01T00:00+14:00", "0001-01-01", "9999-12-31T23:59:59-05:00"],
)
def test_an_instant_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"^run_at must lie in the years 1970 to 9999"):
        parse_instant(text, "run_at", NOON)


def test_at_the_end_of_time_there_is_no_next_clock_time() -> None:
    with pytest.raises(InvalidInput, match=r"^run_at "):
        parse_instant("00:00", "run_at", datetime.max.replace(tzinfo=UTC))


@given(st.text(), st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-12))])))
def test_no_text_makes_an_instant_fail_otherwise(text: str, now: datetime) -> None:
    try:
        instant = parse_instant(text, "run_at", now)
    except InvalidInput:
        return
    assert instant.utcoffset() == timedelta(0)


@given(st.times(), st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))
def test_a_clock_time_comes_within_a_day_and_an_hour(clock: object, now: datetime) -> None:
    instant = parse_instant(str(clock)[:8], "run_at", now)

    assert now < instant <= now + timedelta(hours=25)


@given(st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))
def test_a_written_instant_reads_as_itself(moment: datetime) -> None:
    assert parse_instant(moment.isoformat(), "run_at", NOON) == moment
    assert aware(moment, "run_at") == moment
