"""What tests do to a queue, in a word each: put a job in, start it, end it, look at it."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from queuectl_core.model.job import Attempt, Command, Job, JobState, NewJob, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.transactions.arrivals import JobRow, enqueue, enqueue_rows, numbers_in, row_of
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.claims import Ask, Report, Turn, take_turn
from queuectl_core.store.transactions.jobs import find, history
from tests.store.engines import Engine

DEFAULTS = Settings.from_texts({})
_tokens = (f"token-{n}" for n in itertools.count(1))


class Run(NamedTuple):
    """A job as it was claimed, and the token of its run."""

    job: Job
    token: str


def put(store: Engine, command: Command = "true", **fields: Any) -> Job:
    """Enqueue a job; fields as in `NewJob`."""
    return store.run(enqueue(NewJob(command, **fields)))


def put_many(store: Engine, *jobs: NewJob, batch: int = 2) -> int:
    """Enqueue jobs in bulk, a few a batch; places are "line 1" and so on. Returns the first number, 0 for no jobs."""
    rows = [row_of(job, "/here") for job in jobs]

    def batches() -> list[list[JobRow]]:
        return [rows[start : start + batch] for start in range(0, len(rows), batch)]

    stretches = store.run(enqueue_rows(batches, lambda index: f"line {index + 1}"))
    numbers = list(numbers_in(stretches))
    first = numbers[0] if numbers else 0
    assert numbers == list(range(first, first + len(jobs)))
    return first


def fresh_token() -> str:
    """A token that no run had before."""
    return next(_tokens)


def start(store: Engine, *queues: str, worker: str = "pool-1") -> Run | None:
    """Claim the next job of these queues (none given: any); None where there is none."""
    ask = Ask(worker, fresh_token(), queues)
    job = store.run(take_turn(None, ask)).job
    return None if job is None else Run(job, ask.token)


def started(store: Engine, *queues: str) -> Run:
    """As `start`, where there is a job to start."""
    run = start(store, *queues)
    assert run is not None
    return run


def report(run: Run, outcome: Outcome, spread: float = 0.0, settings: Settings = DEFAULTS, **facts: Any) -> Report:
    """What a worker says of a run that ended; facts as in `Result`."""
    if outcome is Outcome.COMPLETED:
        facts.setdefault("exit_code", 0)
    return Report(run.job.number, run.token, Result(outcome, **facts), settings, spread)


def end(store: Engine, run: Run, outcome: Outcome = Outcome.COMPLETED, **facts: Any) -> Job | None:
    """End a run; the job as it is then, None where the report came too late."""
    return store.run(take_turn(report(run, outcome, **facts), None)).ended


def ended(store: Engine, run: Run, outcome: Outcome = Outcome.COMPLETED, **facts: Any) -> Job:
    """As `end`, where the report is in time."""
    job = end(store, run, outcome, **facts)
    assert job is not None
    return job


def ask(store: Engine, *queues: str) -> Turn:
    """All that a worker without a report is told."""
    return store.run(take_turn(None, Ask("pool-1", fresh_token(), queues)))


def look(store: Engine, job: Job) -> Job:
    """The job as it is now."""
    [found] = store.run(find([str(job.id)]))
    return found


def runs(store: Engine, job: Job) -> list[Attempt]:
    """The history of a job."""
    return store.run(history(job.number))


def ran(store: Engine, outcome: Outcome = Outcome.COMPLETED, **fields: Any) -> Job:
    """A job that was put into an empty queue and has had one run."""
    job = put(store, **fields)
    return ended(store, started(store, job.queue), outcome)


def dead(store: Engine, **fields: Any) -> Job:
    """A job that has died of its first run."""
    return ran(store, Outcome.FAILED, max_retries=0, **fields)


def job_in(store: Engine, state: JobState) -> Run:
    """The only job of a store, brought to a state, with the token of its latest run."""
    if state is JobState.PENDING:
        return Run(put(store), "token-of-nobody")
    if state is JobState.CANCELLED:
        [job] = store.run(cancel([put(store).id]))
        return Run(job, "token-of-nobody")
    put(store, max_retries=0 if state is JobState.DEAD else 3)
    run = started(store)
    if state is JobState.COMPLETED:
        return Run(ended(store, run), run.token)
    if state in (JobState.FAILED, JobState.DEAD):
        return Run(ended(store, run, Outcome.FAILED, exit_code=1), run.token)
    return run
