"""A mark on every process of a run that it cannot shed by accident: a limit that limits nothing.

A command may clear its environment, leave its session, close its files and lose its parent, all of it by the usual
ways to become a daemon. What it keeps are its resource limits: children inherit them, and executing a program keeps
them (setrlimit(2)). RLIMIT_RTTIME bounds the processor time, in microseconds, of a process with a real-time priority.
A soft limit of 2^62 µs and more is 146,000 years, so whoever meets it is not bounded, and nobody else sets such a one.
The lower bits of it say which run the process belongs to.
"""

from __future__ import annotations

import contextlib
import hashlib
import resource
from collections.abc import Iterator
from contextlib import contextmanager

LEAST = 1 << 62
"""Marks are this or more, and less than twice as much."""

_BYTES = 7


def mark_of(token: str) -> int:
    """The mark of the run that has this token."""
    return LEAST | int.from_bytes(hashlib.blake2b(token.encode(), digest_size=_BYTES).digest())


def mark_on(pid: int) -> int | None:
    """The mark that a process carries; None where it carries none, is gone, or is not ours to look at."""
    try:
        limit, _ = resource.prlimit(pid, resource.RLIMIT_RTTIME)
    except (OSError, AttributeError):
        return None
    return limit if LEAST <= limit < 2 * LEAST else None


@contextmanager
def marking_children(token: str) -> Iterator[None]:
    """Have what this process starts meanwhile, and all that comes of it, carry the mark of a run.

    Where the system has no such limit, or set one, processes go unmarked.
    """
    before = _limits()
    if before is None:
        yield
        return
    _set(mark_of(token), before[1])
    try:
        yield
    finally:
        _set(*before)


def _limits() -> tuple[int, int] | None:
    try:
        return resource.getrlimit(resource.RLIMIT_RTTIME)
    except (OSError, AttributeError):
        return None


def _set(soft: int, hard: int) -> None:
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_RTTIME, (soft, hard))
