"""How a worker takes jobs and gives results: the hot path, and the fence around it.

A claim writes a random token beside the job; a result is taken only from the run whose token stands
there now. Finishing one job and claiming the next is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from queuectl_core.model.backoff import delay_ms
from queuectl_core.model.histogram import bucket_of
from queuectl_core.model.job import ENDED, WAITING, Job, JobState, Outcome, Result
from queuectl_core.model.lifecycle import EVENT_OF_OUTCOME, TABLE, after_run
from queuectl_core.model.settings import Settings
from queuectl_core.store.statements import Statement, Steps, Wake, read, work

MEASURED = (Outcome.COMPLETED, Outcome.FAILED, Outcome.TIMED_OUT)
"""Outcomes whose durations and waiting times count in the statistics."""


class Ask(NamedTuple):
    """A worker's wish for a job: `token` is fresh and random; no `queues` means any."""

    worker: str
    token: str
    queues: tuple[str, ...] = ()


class Report(NamedTuple):
    """A run that has ended: `spread` is a random number in [0, 1) for the jitter of the backoff."""

    number: int
    token: str
    result: Result
    settings: Settings
    spread: float = 0.0


class Turn(NamedTuple):
    """What a worker is told: the job it claimed, if any, and what became of the one it reported.

    `ended` is the reported job as it is now, None where nothing was reported or the report came too
    late. `next_due_ms` is how long until a waiting job is due (ms), None where none waits.
    `settings_version` differs from the worker's own once a setting was changed.
    """

    job: Job | None
    ended: Job | None
    next_due_ms: int | None
    settings_version: int


@work
def take_turn(report: Report | None, ask: Ask | None) -> Steps[Turn]:
    """Report the run that ended, if any, and claim the next job, if wanted and there is one."""
    ended = None if report is None else (yield from _end_run(report))
    claimed = None if ask is None else (yield from _claim(ask))
    if claimed is not None:
        return Turn(claimed[0], ended, None, claimed[1])
    if report is not None and ask is not None:
        yield Statement("worker_idle", {"worker": ask.worker})
    [(due,)] = yield Statement("next_due")
    [(version,)] = yield Statement("settings_version")
    return Turn(None, ended, due, version)


def _claim(ask: Ask) -> Steps[tuple[Job, int] | None]:
    """Claim the best job; returns it with the version of the settings, None where none is due."""
    yield Statement("promote_due")
    queues = json.dumps(ask.queues) if ask.queues else None
    rows = yield Statement("claim", {"token": ask.token, "worker": ask.worker, "queues": queues})
    if not rows:
        return None
    *columns, version = rows[0]
    job = Job.from_row(columns)
    values = {"number": job.number, "attempt": job.runs, "token": ask.token, "worker": ask.worker}
    yield Statement("insert_run", values)
    return job, version


def _end_run(report: Report) -> Steps[Job | None]:
    held = yield Statement("held_job", {"number": report.number, "token": report.token})
    if not held:
        return None
    job = Job.from_row(held[0])
    result = report.result
    state = after_run(result.outcome, job.attempts, job.max_retries, cancelling=job.cancelling)
    values = {
        "number": job.number,
        "attempt": job.runs,
        "token": report.token,
        "state": state,
        "outcome": result.outcome,
        "charge": TABLE[JobState.PROCESSING, EVENT_OF_OUTCOME[result.outcome]].charge,
        "delay_ms": retry_delay_ms(job.attempts, report.settings, report.spread),
        "exit_code": result.exit_code,
        "signal": result.signal,
        "error": result.error,
        "duration_ms": None if result.outcome is Outcome.LOST else result.duration_ms,
        "output_bytes": result.output_bytes,
    }
    [row] = yield Statement("end_run_of_job", values)
    yield Statement("end_run", values)
    if result.tail:
        yield Statement("insert_tail", {"number": job.number, "attempt": job.runs, "output": result.tail})
    yield from _note(job, state, result)
    if state in WAITING:
        # Also for a retry that is not due yet: an idle worker must know when to look again.
        yield Wake(queues=frozenset({job.queue}))
    return Job.from_row(row)


def _note(job: Job, state: JobState, result: Result) -> Steps[None]:
    measured = result.outcome in MEASURED
    waiting_ms = max(0, (job.started_at or job.due) - job.due)
    minute = {
        "queue": job.queue,
        "ended": int(state in ENDED),
        "outcome": result.outcome,
        "duration_ms": result.duration_ms if measured else 0,
        "waiting_ms": waiting_ms if measured else 0,
    }
    yield Statement("note_minute", minute)
    if measured:
        buckets = {"duration_bucket": bucket_of(result.duration_ms), "waiting_bucket": bucket_of(waiting_ms)}
        yield Statement("note_buckets", {"queue": job.queue, **buckets})


def retry_delay_ms(attempts: int, settings: Settings, spread: float) -> int:
    """How long a job waits (ms) after its `attempts`th failed run, by the settings of now."""
    maximum = round(settings.backoff_max * 1000)
    return delay_ms(settings.backoff_base, attempts, maximum, settings.backoff_jitter, spread)


@read
def cancel_wanted(number: int, token: str) -> Steps[bool]:
    """Whether the run should be ended: its job is being cancelled, or is no longer this run's."""
    rows = yield Statement("cancel_wanted", {"number": number, "token": token})
    return not rows or bool(rows[0][0])


class Held(NamedTuple):
    """A job that a run holds, with the token of that run."""

    token: str
    job: Job


@read
def processing() -> Steps[list[Held]]:
    """Every job that a run holds now, by number."""
    rows: Sequence[Sequence[object]] = yield Statement("processing_jobs")
    return [Held(str(row[0]), Job.from_row(row[1:])) for row in rows]


@read
def token_of_run(number: int, attempt: int) -> Steps[str | None]:
    """The token that a run of a job carried; None where there was no such run."""
    rows = yield Statement("token_of_run", {"number": number, "attempt": attempt})
    return str(rows[0][0]) if rows else None
