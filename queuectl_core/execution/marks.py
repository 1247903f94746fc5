"""A mark on every process of a run that it cannot shed by accident: a limit that limits nothing.

A command may clear its environment, leave its session, close its files and lose its parent, all of it by the usual
ways to become a daemon. What it keeps are its resource limits: children inherit them, and executing a program keeps
them (setrlimit(2)). RLIMIT_RTTIME bounds the processor time, in microseconds, of a process with a real-time priority.
A soft limit of 2^62 µs and more is 146,000 years, so whoever meets it is not bounded, and nobody else sets such a one.
The lower bits of it say which run the process belongs to.
"""

from __future__ import annotations

import resource
from functools import cache

LEAST = 1 << 62
"""Marks are this or more, and less than twice as much."""

_DIGITS, _BYTES = 14, 7


def mark_of(token: str) -> int:
    """The mark of the run that has this token: its first 56 bits, which are random.

    Not a hash of it all: hashlib loads OpenSSL, which takes a pool 3 ms at its start.
    """
    try:
        return LEAST | int(token[:_DIGITS], 16)
    except ValueError:  # not of a worker's making
        return LEAST | int.from_bytes(token.encode()[-_BYTES:])


def mark_on(pid: int) -> int | None:
    """The mark that a process carries; None where it carries none, is gone, or is not ours to look at."""
    try:
        limit, _ = resource.prlimit(pid, resource.RLIMIT_RTTIME)
    except (OSError, AttributeError):
        return None
    return limit if LEAST <= limit < 2 * LEAST else None


class marking_children:  # noqa: N801 - read as a verb: `with marking_children(token):`
    """Have what this process starts meanwhile, and all that comes of it, carry the mark of a run.

    Where the system has no such limit, or set one, processes go unmarked.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._before: tuple[int, int] | None = None

    def __enter__(self) -> None:
        self._before = _limits()
        if self._before is not None:
            _set(mark_of(self._token), self._before[1])

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            _set(*self._before)


@cache  # Nobody changes a worker's own limits but we, and we put them back.
def _limits() -> tuple[int, int] | None:
    try:
        return resource.getrlimit(resource.RLIMIT_RTTIME)
    except (OSError, AttributeError):
        return None


def _set(soft: int, hard: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_RTTIME, (soft, hard))
    except (OSError, ValueError):
        return  # Then it goes unmarked.
