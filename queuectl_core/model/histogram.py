"""Logarithmic buckets for durations: few counters, every magnitude, quantiles to within a fifth.

Each bucket is 2 ** (1/4) times as wide as the one below it, so a quantile read from the counts
is off by less than 19 %. Numbers of buckets are stored, therefore they never change their meaning.
"""

from __future__ import annotations

from collections.abc import Mapping

_BUCKETS_PER_DOUBLING = 4
_LONGEST_MS = 2**63 - 1


def bucket_of(ms: int) -> int:
    """The number of the bucket that holds a duration of `ms` milliseconds; 0 for none at all.

    It is `floor(4 * log2(ms)) + 1`, taken from the bits of `ms ** 4`: exact, where floats are not.
    """
    if ms <= 0:
        return 0
    return int(min(ms, _LONGEST_MS) ** _BUCKETS_PER_DOUBLING).bit_length()


def bounds(bucket: int) -> tuple[float, float]:
    """The durations a bucket holds, in ms: from the first, up to but without the second."""
    if bucket <= 0:
        return 0.0, 0.0
    return 2.0 ** ((bucket - 1) / _BUCKETS_PER_DOUBLING), 2.0 ** (bucket / _BUCKETS_PER_DOUBLING)


def quantile(buckets: Mapping[int, int], q: float) -> float | None:
    """The duration in ms that a share `q` (0 to 1) of all counted ones does not exceed.

    None if nothing is counted. `buckets` maps the number of a bucket to its count. Within a bucket
    durations are taken to be spread evenly.
    """
    counted = sorted((bucket, count) for bucket, count in buckets.items() if count > 0)
    if not counted:
        return None
    rank = q * sum(count for _, count in counted)
    below = 0
    for bucket, count in counted:
        if rank <= below + count:
            lower, upper = bounds(bucket)
            return lower + (upper - lower) * max(0.0, rank - below) / count
        below += count
    return bounds(counted[-1][0])[1]
