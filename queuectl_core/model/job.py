"""The nouns of the queue: jobs, their runs, and the closed sets of words that describe them.

Small immutable values and nothing else. Instants are whole milliseconds since the Unix epoch
(UTC) and end in `_at`, or are named `due`; lengths of time are milliseconds and end in `_ms`.
NamedTuples rather than dataclasses, because every command pays for the import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

DEFAULT_QUEUE = "default"
LOWEST_PRIORITY, HIGHEST_PRIORITY = -1000, 1000
MOST_RETRIES = 10_000
DEFAULT_MAX_RETRIES = 3
TAIL_BYTES = 4096
"""How much of the end of a run's output is stored with the run."""


class JobState(StrEnum):
    """Where a job stands; see `lifecycle.py` for how it gets from one to the next."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DEAD = "dead"
    CANCELLED = "cancelled"


WAITING = (JobState.PENDING, JobState.FAILED)
ENDED = (JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED)


class Outcome(StrEnum):
    """How one run of a job ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


Command = str | tuple[str, ...]
"""Text is run by the shell; a tuple of text is an argument vector, run as it is."""


class NewJob(NamedTuple):
    """A job as somebody asks for it.

    `timeout` and `delay` are seconds; `run_at` is an instant (a naive one means local time) and
    excludes `delay`. `max_retries=None` takes the setting of that name when the job is stored.
    `cwd=None` means the directory of the process that enqueues. `env` is added to the worker's
    environment.
    """

    command: Command
    id: str | None = None
    queue: str = DEFAULT_QUEUE
    priority: int = 0
    max_retries: int | None = None
    timeout: float | None = None
    delay: float = 0.0
    run_at: datetime | None = None
    cwd: str | None = None
    env: Mapping[str, str] | None = None


class Changes(NamedTuple):
    """What an edit changes in a job; `None` leaves a field as it is. Units as in `NewJob`.

    `no_timeout` takes the job's timeout away.
    """

    command: Command | None = None
    queue: str | None = None
    priority: int | None = None
    max_retries: int | None = None
    timeout: float | None = None
    no_timeout: bool = False
    delay: float | None = None
    run_at: datetime | None = None
    cwd: str | None = None
    env: Mapping[str, str] | None = None


class Job(NamedTuple):
    """A stored job. `number` counts up from 1 and never comes back; `name` is the id its owner chose."""

    number: int
    name: str | None
    command: Command
    state: JobState
    queue: str
    priority: int
    attempts: int
    max_retries: int
    due: int
    timeout_ms: int | None
    cwd: str
    env: Mapping[str, str]
    created_at: int
    updated_at: int
    started_at: int | None
    finished_at: int | None
    exit_code: int | None
    signal: int | None
    error: str | None
    worker: str | None
    runs: int
    cancelling: bool

    @property
    def id(self) -> str:
        """What people and scripts call the job: the name it was given, else its number."""
        return self.name if self.name is not None else str(self.number)

    @property
    def next_run_at(self) -> int | None:
        """When it is due (ms since the epoch), while it waits."""
        return self.due if self.state in WAITING else None

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """A job from the columns of the `job_columns` fragment of `queries.sql`, in that order."""
        number, name, command, argv, state, queue, priority, attempts, retries, due, timeout, cwd, env, *rest = row
        words = tuple(_read(command)) if argv else command
        own = _read(env) if env else {}
        *facts, cancelling = rest
        head = (number, name, words, JobState(state), queue, priority, attempts, retries, due, timeout, cwd, own)
        return cls._make((*head, *facts, bool(cancelling)))


def _read(text: str) -> Any:
    import json  # Here, since most jobs need none, and an enqueue pays for each import.

    return json.loads(text)


class Attempt(NamedTuple):
    """One run of a job. Runs are numbered from 1 and never renumbered; `outcome` is None while it runs."""

    attempt: int
    outcome: Outcome | None
    exit_code: int | None
    signal: int | None
    error: str | None
    started_at: int
    finished_at: int | None
    duration_ms: int | None
    worker: str
    output_bytes: int | None

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """An attempt from the columns of the `run_columns` fragment, in that order."""
        attempt, outcome, *rest = row
        return cls(attempt, Outcome(outcome) if outcome else None, *rest)


class Result(NamedTuple):
    """What a worker reports of a run that has ended.

    `duration_ms` is measured on a monotonic clock; `tail` holds the end of the output, as long as the store keeps it.
    """

    outcome: Outcome
    exit_code: int | None = None
    signal: int | None = None
    error: str | None = None
    duration_ms: int = 0
    output_bytes: int = 0
    tail: bytes = b""
