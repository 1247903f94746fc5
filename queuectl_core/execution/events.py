"""What a pool has to tell as it goes: small values, for whoever shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from queuectl_core.model.job import Command, JobState, Outcome


class RunStarted(NamedTuple):
    """A worker has claimed a job and starts its command."""

    worker: str
    job: str
    attempt: int
    queue: str
    command: Command


class RunEnded(NamedTuple):
    """A run has ended and its result was taken; `state` is where the job is now.

    `retry_in_ms` is how long it waits for its next run, None where it waits for none.
    """

    worker: str
    job: str
    attempt: int
    queue: str
    outcome: Outcome
    state: JobState
    duration_ms: int
    exit_code: int | None
    signal: int | None
    error: str | None
    retry_in_ms: int | None


class Notice(NamedTuple):
    """Something about the pool itself, in one line; `serious` where it should be looked at."""

    text: str
    serious: bool = False


PoolEvent = RunStarted | RunEnded | Notice
Report = Callable[[PoolEvent], None]
"""Takes an event as it happens, in whichever process of the pool it happens; never raises, never waits."""


def unheard(_event: PoolEvent) -> None:
    """The report that nobody hears: where it is given, what happens at each run need not even be put into words."""
