"""The delay before a retry: the formula, its bounds, its spread."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.backoff import delay_ms

HOUR_MS = 3_600_000
bases = st.floats(min_value=1, allow_nan=False) | st.integers(min_value=1)
attempt_counts = st.integers(min_value=0)
fractions = st.floats(min_value=0, max_value=1)
spreads = st.floats(min_value=0, max_value=1, exclude_max=True)


@pytest.mark.parametrize(("attempts", "expected"), [(0, 1000), (1, 2000), (2, 4000), (11, 2_048_000)])
def test_with_base_two_the_delay_doubles(attempts: int, expected: int) -> None:
    assert delay_ms(2, attempts, HOUR_MS) == expected


def test_a_base_may_be_fractional() -> None:
    assert delay_ms(1.5, 2, HOUR_MS) == 2250


def test_the_delay_stops_at_the_maximum() -> None:
    assert delay_ms(2, 12, HOUR_MS) == HOUR_MS


@pytest.mark.parametrize("base", [inf, nan, 1e308, 10**400], ids=["inf", "nan", "1e308", "10**400"])
def test_a_base_that_overflows_waits_the_maximum(base: float) -> None:
    assert delay_ms(base, 2, HOUR_MS) == HOUR_MS


def test_jitter_reaches_as_far_down_as_up() -> None:
    assert delay_ms(2, 3, HOUR_MS, jitter=0.25, spread=0.0) == 6000
    assert delay_ms(2, 3, HOUR_MS, jitter=0.25, spread=0.5) == 8000
    assert delay_ms(2, 3, HOUR_MS, jitter=0.25, spread=0.75) == 9000


@given(bases, attempt_counts, st.integers(min_value=0), fractions, spreads)
def test_a_delay_always_lies_within_its_bounds(
    base: float, attempts: int, maximum: int, jitter: float, spread: float
) -> None:
    assert 0 <= delay_ms(base, attempts, maximum, jitter, spread) <= maximum


@given(bases, attempt_counts, attempt_counts)
def test_more_failures_never_wait_less(base: float, some: int, others: int) -> None:
    fewer, more = sorted((some, others))

    assert delay_ms(base, fewer, HOUR_MS) <= delay_ms(base, more, HOUR_MS)


@given(bases, attempt_counts, spreads)
def test_without_jitter_the_spread_changes_nothing(base: float, attempts: int, spread: float) -> None:
    assert delay_ms(base, attempts, HOUR_MS, 0.0, spread) == delay_ms(base, attempts, HOUR_MS)


@given(st.integers(min_value=0, max_value=10), fractions, spreads)
def test_jitter_moves_a_delay_by_no_more_than_its_fraction(attempts: int, jitter: float, spread: float) -> None:
    exact = delay_ms(2, attempts, HOUR_MS)

    assert abs(delay_ms(2, attempts, HOUR_MS, jitter, spread) - exact) <= exact * jitter + 1
