"""How long a failed job waits before its next run: exponential, clamped, spread if asked.

The formula and nothing else; when a job fails, and what happens then, is `lifecycle.py`.
"""

from __future__ import annotations


def delay_ms(base: float, attempts: int, maximum_ms: int, jitter: float = 0.0, spread: float = 0.0) -> int:
    """`base ** attempts` seconds, in milliseconds, never more than `maximum_ms`.

    `attempts` counts the runs that have failed so far. `jitter` (0 to 1) is the fraction by which
    the delay may move up or down, and `spread` (0 to 1, drawn by the caller) says where in that
    range it lands; without jitter the formula is exact. Overflow is clamped, never raised.
    """
    try:
        seconds = float(base) ** attempts
    except OverflowError:
        return maximum_ms
    delay = _clamped(seconds * 1000, maximum_ms)
    if not jitter:
        return delay
    return _clamped(delay * (1 + jitter * (2 * spread - 1)), maximum_ms)


def _clamped(delay: float, maximum: int) -> int:
    if not delay < maximum:  # so that NaN waits longest, too
        return maximum
    return max(0, round(delay))
