"""The invariants that hold whatever was killed: the ledger of the runs held against the store, and both against /proc.

`look` gathers what there is once all pools have left; `complaints` judges it, and says in words what is wrong.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from queuectl_core.execution.processes import all_processes
from queuectl_core.model.job import ENDED, Attempt, Job, JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.claims import token_of_run
from queuectl_core.store.transactions.jobs import history, page
from queuectl_core.store.transactions.statistics import Minute, minutes_since, miscounted
from queuectl_core.store.transactions.workers import Roster, roster
from tests.crash.ledger import Line, Word

FIXED_LOCKS = {"schema.lock", "write.lock", "checkpoint.lock", "recovery.lock"}


class Run(NamedTuple):
    """A row of the history, with the token that its run carried."""

    row: Attempt
    token: str | None


class Evidence(NamedTuple):
    """What is left once all pools have left. `acknowledged` are the ids that an enqueue gave back, `damage` what
    SQLite finds wrong, `left` the files in `run/` and `pids` the processes that should be gone."""

    acknowledged: list[str]
    lines: list[Line]
    jobs: list[Job]
    runs: dict[str, list[Run]]
    minutes: list[Minute]
    miscounted: dict[tuple[str, str], tuple[int, int]]
    roster: Roster
    damage: list[str]
    left: list[str]
    pids: list[int]


def look(store: SqliteStore, acknowledged: list[str], lines: list[Line]) -> Evidence:
    """Gather the evidence; nothing may run any more."""
    jobs = store.run(page(limit=1_000_000))
    return Evidence(
        acknowledged,
        lines,
        jobs,
        {job.id: _runs_of(store, job) for job in jobs},
        store.run(minutes_since(60 * 24)),
        store.run(miscounted()),
        store.run(roster()),
        _damage(store.home),
        left_in_run(store.home),
        processes_of(store.home),
    )


def _runs_of(store: SqliteStore, job: Job) -> list[Run]:
    return [Run(row, store.run(token_of_run(job.number, row.attempt))) for row in store.run(history(job.number))]


def _damage(home: Home) -> list[str]:
    with closing(sqlite3.connect(home.database)) as connection:
        sound = [text for (text,) in connection.execute("PRAGMA integrity_check")]
        dangling = [f"dangling reference: {row}" for row in connection.execute("PRAGMA foreign_key_check")]
    return [text for text in sound if text != "ok"] + dangling


def left_in_run(home: Home) -> list[str]:
    """The files in `run/` that belong to a pool or worker, drafts of locks and doorbells included."""
    found = [path for path in Path(home.run).rglob("*") if not path.is_dir()]
    return sorted(path.name for path in found if path.name not in FIXED_LOCKS)


def processes_of(home: Home) -> list[int]:
    """The pids of every living process that carries the home in its environment: of pools, and of jobs."""
    mark = f"QUEUECTL_HOME={home.path}".encode()
    return [process.pid for process in all_processes() if not process.zombie and mark in environment_of(process.pid)]


def environment_of(pid: int) -> list[bytes]:
    """The environment of a process, as entries; none where it has gone or we may not look."""
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


# ---------------------------------------------------------------- the invariants


def complaints(evidence: Evidence) -> list[str]:
    """What is wrong, one line each; empty where every invariant holds."""
    found = [*_lost_or_doubled(evidence), *_roll_ups(evidence), *_remains(evidence)]
    by_job: dict[str, list[Line]] = {}
    for line in evidence.lines:
        by_job.setdefault(line.job, []).append(line)
    for job in evidence.jobs:
        runs, lines = evidence.runs[job.id], by_job.pop(job.id, [])
        for rule in RULES:
            found += [f"job {job.id}: {wrong}" for wrong in rule(job, runs, lines)]
    found += [f"job {job}: ran, but does not exist" for job in by_job]
    return found


def _lost_or_doubled(evidence: Evidence) -> Iterator[str]:
    """An acknowledged enqueue is in the store, once."""
    stored = Counter(job.id for job in evidence.jobs)
    for job_id, times in Counter(evidence.acknowledged).items():
        if stored[job_id] != times:
            yield f"job {job_id}: enqueued {times} times, is there {stored[job_id]} times"


def _roll_ups(evidence: Evidence) -> Iterator[str]:
    """What is counted as it happens is what a count afterwards says."""
    for (queue, state), (kept, real) in evidence.miscounted.items():
        yield f"counts: {kept} jobs {state} in queue {queue}, really {real}"
    ended = sum(minute.ended for minute in evidence.minutes)
    really = sum(job.state in ENDED for job in evidence.jobs)
    if ended != really:
        yield f"minutes: {ended} jobs have ended, really {really}"
    outcomes = Counter(run.row.outcome for runs in evidence.runs.values() for run in runs)
    for outcome in Outcome:
        noted = sum(getattr(minute, outcome) for minute in evidence.minutes)
        if noted != outcomes[outcome]:
            yield f"minutes: {noted} runs {outcome}, in the history {outcomes[outcome]}"


def _remains(evidence: Evidence) -> Iterator[str]:
    yield from (f"database: {text}" for text in evidence.damage)
    yield from (f"run/{name} was left by somebody who is gone" for name in evidence.left)
    yield from (f"process {pid} lives on" for pid in evidence.pids)
    yield from (f"pool {pool.id} is still on the roster" for pool in evidence.roster.pools)
    yield from (f"worker {worker.id} is still on the roster" for worker in evidence.roster.workers)


def _has_ended(job: Job, runs: list[Run], lines: list[Line]) -> Iterator[str]:
    """Every job ends, and with it each of its runs."""
    if job.state not in ENDED:
        yield f"is {job.state}, never ended"
    for run in runs:
        if run.row.outcome is None:
            yield f"run {run.row.attempt} never ended"


def _history_is_whole(job: Job, runs: list[Run], lines: list[Line]) -> Iterator[str]:
    """Runs are numbered from 1, and the last one decided; a job that has completed runs no more."""
    numbers = [run.row.attempt for run in runs]
    if numbers != list(range(1, job.runs + 1)):
        yield f"has runs {numbers}, should have 1 to {job.runs}"
    outcomes = [run.row.outcome for run in runs]
    if Outcome.COMPLETED in outcomes[:-1]:
        yield f"ran again after it had completed: {_words(outcomes)}"
    if (job.state is JobState.COMPLETED) != (outcomes[-1:] == [Outcome.COMPLETED]):
        yield f"is {job.state} after {_words(outcomes)}"


def _completed_ran_to_its_end(job: Job, runs: list[Run], lines: list[Line]) -> Iterator[str]:
    """A result is accepted from the very run that came to its end."""
    ended = {(line.attempt, line.token) for line in lines if line.word is Word.END}
    for run in runs:
        if run.row.outcome is Outcome.COMPLETED and (run.row.attempt, run.token) not in ended:
            yield f"run {run.row.attempt} is completed, but never came to its end"


def _starts_are_in_the_history(job: Job, runs: list[Run], lines: list[Line]) -> Iterator[str]:
    """Starts ≤ rows of history: each start has a row of its own, under its own number and token."""
    known = {(run.row.attempt, run.token) for run in runs}
    starts = Counter((line.attempt, line.token) for line in lines if line.word is Word.START)
    for (attempt, token), times in starts.items():
        if (attempt, token) not in known:
            yield f"run {attempt} (token {token}) started, but is not in the history"
        if times > 1:
            yield f"run {attempt} (token {token}) started {times} times"


def _charges(job: Job, runs: list[Run], lines: list[Line]) -> Iterator[str]:
    """Charges ≤ max_retries + 1, each for a run that was not released; dead only when there is none left."""
    charged = sum(run.row.outcome is not Outcome.RELEASED for run in runs)
    if charged != job.attempts:
        yield f"was charged {job.attempts} runs, the history has {charged}"
    if job.attempts > job.max_retries + 1:
        yield f"was charged {job.attempts} runs of {job.max_retries + 1}"
    if job.state is JobState.DEAD and job.attempts != job.max_retries + 1:
        yield f"is dead after {job.attempts} runs of {job.max_retries + 1}"


def _never_two_at_once(job: Job, runs: list[Run], lines: list[Line]) -> Iterator[str]:
    """Once a run has started, no run before it says a word; and none finds another alive."""
    begun: list[str] = []
    for line in lines:
        if line.word is Word.OVERLAP:
            yield f"run {line.attempt} started while a process of another run lived"
        if line.word is Word.START and line.token not in begun:
            begun.append(line.token)
        elif line.token in begun[:-1]:
            yield f"run {line.attempt} says '{line.word}' after a later run has started"


RULES: Iterable[Callable[[Job, list[Run], list[Line]], Iterator[str]]] = (
    _has_ended,
    _history_is_whole,
    _completed_ran_to_its_end,
    _starts_are_in_the_history,
    _charges,
    _never_two_at_once,
)


def _words(outcomes: list[Outcome | None]) -> str:
    return ", ".join(str(outcome) for outcome in outcomes)
