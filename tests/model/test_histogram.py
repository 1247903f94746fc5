"""Buckets keep their meaning, and a quantile read from them is near the true one."""

from __future__ import annotations

from collections import Counter
from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.histogram import bounds, bucket_of, quantile

durations = st.integers(min_value=1, max_value=10**12)


@pytest.mark.parametrize(
    ("ms", "bucket"),
    [(-5, 0), (0, 0), (1, 1), (2, 5), (3, 7), (4, 9), (1000, 40), (1024, 41), (3_600_000, 88)],
)
def test_a_stored_bucket_keeps_its_meaning(ms: int, bucket: int) -> None:
    assert bucket_of(ms) == bucket


@given(durations)
def test_a_duration_lies_within_the_bounds_of_its_bucket(ms: int) -> None:
    lower, upper = bounds(bucket_of(ms))

    assert lower * (1 - 1e-12) <= ms < upper * (1 + 1e-12)


@given(st.integers(min_value=1, max_value=200))
def test_buckets_adjoin(bucket: int) -> None:
    assert bounds(bucket)[1] == bounds(bucket + 1)[0]


@given(st.integers(), st.integers())
def test_a_longer_duration_is_in_no_lower_bucket(some: int, other: int) -> None:
    assert bucket_of(min(some, other)) <= bucket_of(max(some, other))


def test_the_longest_duration_has_finite_bounds() -> None:
    assert log2(bounds(bucket_of(10**1000))[1]) < 64


@given(st.lists(durations, min_size=1), st.floats(min_value=0, max_value=1))
def test_a_quantile_is_off_by_less_than_a_fifth(measured: list[int], q: float) -> None:
    rank = max(1, ceil(q * len(measured)))
    exact = sorted(measured)[rank - 1]

    estimate = quantile(Counter(map(bucket_of, measured)), q)

    assert estimate is not None
    assert abs(estimate - exact) < 0.2 * exact


@given(st.lists(durations, min_size=1), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_are_in_order(measured: list[int], some: float, other: float) -> None:
    buckets = Counter(map(bucket_of, measured))

    lower, upper = quantile(buckets, min(some, other)), quantile(buckets, max(some, other))

    assert lower is not None
    assert upper is not None
    assert lower <= upper * (1 + 1e-12)


@pytest.mark.parametrize("buckets", [{}, {3: 0}])
def test_nothing_counted_has_no_quantile(buckets: dict[int, int]) -> None:
    assert quantile(buckets, 0.5) is None


def test_runs_of_no_length_have_a_quantile_of_zero() -> None:
    assert quantile({0: 3}, 0.95) == 0.0
