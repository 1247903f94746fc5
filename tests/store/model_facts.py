"""What is compared of a store and of the model beside it, and how it is read from a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

from queuectl_core.model.job import Attempt, Job, JobState, Outcome
from queuectl_core.store.statements import Steps, read
from queuectl_core.store.transactions.jobs import history, page
from queuectl_core.store.transactions.queues import queues
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.statistics import minutes_since, summary

if TYPE_CHECKING:
    from tests.store.model_queue import ModelJob

COUNTED = ("ended", *(outcome.value for outcome in Outcome))
A_WEEK = 7 * 24 * 60


class Facts(NamedTuple):
    """What is compared of a job."""

    number: int
    name: str | None
    state: JobState
    queue: str
    priority: int
    attempts: int
    max_retries: int
    runs: int
    next_run_at: int | None
    finished_at: int | None
    cancelling: bool

    @classmethod
    def of(cls, job: Job | ModelJob) -> Self:
        return cls._make(getattr(job, name) for name in cls._fields)


class RunFacts(NamedTuple):
    """What is compared of a run."""

    attempt: int
    outcome: Outcome | None
    worker: str
    started_at: int
    finished_at: int | None

    @classmethod
    def of(cls, run: Attempt) -> Self:
        return cls._make(getattr(run, name) for name in cls._fields)


class Whole(NamedTuple):
    """All that is compared after a step; jobs by number, `queues` by name: whether paused, and jobs by state.

    `minutes` are roll-ups by minute and queue: how many runs had which outcome, how many jobs ended.
    """

    jobs: list[Facts]
    histories: dict[int, list[RunFacts]]
    queues: dict[str, tuple[bool, dict[JobState, int]]]
    settings: dict[str, str]
    settings_version: int
    minutes: dict[tuple[int, str], dict[str, int]]
    oldest_waited_ms: int | None


def all_facts(jobs: Sequence[Job]) -> list[Facts]:
    return [Facts.of(job) for job in jobs]


@read
def whole() -> Steps[Whole]:
    """A store as it is compared with the model, from one snapshot."""
    jobs = yield from page(limit=1_000_000).steps()
    histories = {}
    for job in jobs[::-1]:
        histories[job.number] = [RunFacts.of(run) for run in (yield from history(job.number).steps())]
    kept = yield from settings().steps()
    return Whole(
        all_facts(jobs[::-1]),
        histories,
        {queue.name: (queue.paused, queue.jobs) for queue in (yield from queues().steps())},
        kept.texts,
        kept.version,
        {
            (minute.minute, minute.queue): counted
            for minute in (yield from minutes_since(A_WEEK).steps())
            if (counted := {name: n for name in COUNTED if (n := getattr(minute, name))})
        },
        (yield from summary().steps()).oldest_pending_ms,
    )
