"""The invariants that hold whatever was killed: the ledger of the runs held against the store, and both against /proc.

`complaints` judges the evidence that `evidence.py` gathered, and says in words what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from queuectl_core.model.backoff import delay_ms
from queuectl_core.model.job import ENDED, Job, JobState, Outcome
from tests.crash.evidence import Backoff, Evidence, Run, charged
from tests.crash.ledger import LOUD, RESOLUTION, Line, Word

LONGEST_LOG = 64 * 1024 * 1024
"""What the write-ahead log may take at most, in bytes: four times the length at which whoever sees it shortens it."""


class Life(NamedTuple):
    """All that is known of one job: `delay` (ms) is what it was enqueued with, `resets` are how many runs it had each
    time it was retried."""

    job: Job
    runs: list[Run]
    lines: list[Line]
    delay: int
    resets: tuple[int, ...]
    backoff: Backoff

    def since_reset(self) -> list[Run]:
        """The runs that count against its retries."""
        return self.runs[max(self.resets, default=0) :]


def complaints(evidence: Evidence) -> list[str]:
    """What is wrong, one line each; empty where every invariant holds."""
    found = [*_lost_or_doubled(evidence), *_half_batches(evidence), *_roll_ups(evidence), *_remains(evidence)]
    told = evidence.told
    by_job: dict[str, list[Line]] = {}
    for line in evidence.lines:
        by_job.setdefault(line.job, []).append(line)
    for job in evidence.jobs:
        resets = tuple(told.resets.get(job.id, ()))
        runs, lines = evidence.runs.get(job.number, []), by_job.pop(job.id, [])
        life = Life(job, runs, lines, told.delays.get(job.id, 0), resets, evidence.backoff)
        for rule in RULES:
            found += [f"job {job.id}: {wrong}" for wrong in rule(life)]
    found += [f"job {job}: ran, but does not exist" for job in by_job]
    return found


# ---------------------------------------------------------------- of all jobs together


def _lost_or_doubled(evidence: Evidence) -> Iterator[str]:
    """An acknowledged enqueue is in the store, once."""
    stored = Counter(job.id for job in evidence.jobs)
    for job_id, times in Counter(evidence.told.acknowledged).items():
        if stored[job_id] != times:
            yield f"job {job_id}: enqueued {times} times, is there {stored[job_id]} times"


def _half_batches(evidence: Evidence) -> Iterator[str]:
    """What one command enqueues is there as a whole or not at all."""
    stored = {job.id for job in evidence.jobs}
    for batch in evidence.told.batches:
        there = sum(job_id in stored for job_id in batch)
        if there not in (0, len(batch)):
            yield f"batch of {batch[0]}: {there} of {len(batch)} jobs are there"


def _roll_ups(evidence: Evidence) -> Iterator[str]:
    """What is counted as it happens is what a count afterwards says."""
    for (queue, state), (kept, real) in evidence.miscounted.items():
        yield f"counts: {kept} jobs {state} in queue {queue}, really {real}"
    ended = sum(minute.ended for minute in evidence.minutes)
    really = sum(job.state in ENDED for job in evidence.jobs) + sum(map(len, evidence.told.resets.values()))
    if ended != really:
        yield f"minutes: {ended} jobs have ended, really {really}"
    outcomes = Counter(run.row.outcome for runs in evidence.runs.values() for run in runs)
    for outcome in Outcome:
        noted = sum(getattr(minute, outcome) for minute in evidence.minutes)
        if noted != outcomes[outcome]:
            yield f"minutes: {noted} runs {outcome}, in the history {outcomes[outcome]}"


def _remains(evidence: Evidence) -> Iterator[str]:
    yield from (f"database: {text}" for text in evidence.damage)
    if evidence.told.longest_log > LONGEST_LOG:
        yield f"the write-ahead log took {evidence.told.longest_log:,} bytes"
    yield from (f"run/{name} was left by somebody who is gone" for name in evidence.left)
    yield from (f"logs/{name} was left by a worker that is gone" for name in evidence.blank)
    yield from (f"run/{name} is locked by nobody" for name in evidence.locked)
    yield from (f"process {pid} lives on" for pid in evidence.pids)
    yield from (f"pool {pool.id} is still on the roster" for pool in evidence.roster.pools)
    yield from (f"worker {worker.id} is still on the roster" for worker in evidence.roster.workers)
    numbers = {job.number for job in evidence.jobs}
    yield from (f"job {number}: has a history, but does not exist" for number in evidence.runs if number not in numbers)


# ---------------------------------------------------------------- of each job


def _has_ended(life: Life) -> Iterator[str]:
    """Every job ends, and with it each of its runs."""
    if life.job.state not in ENDED:
        yield f"is {life.job.state}, never ended"
    for run in life.runs:
        if run.row.outcome is None:
            yield f"run {run.row.attempt} never ended"


def _history_is_whole(life: Life) -> Iterator[str]:
    """Runs are numbered from 1, each with a token of its own."""
    numbers = [run.row.attempt for run in life.runs]
    if numbers != list(range(1, life.job.runs + 1)):
        yield f"has runs {numbers}, should have 1 to {life.job.runs}"
    for token, times in Counter(run.token for run in life.runs).items():
        if times > 1:
            yield f"{times} runs carried the token {token}"


def _the_last_run_decided(life: Life) -> Iterator[str]:
    """A job that has completed runs no more, unless it was retried; and it has completed by its last run."""
    outcomes = [run.row.outcome for run in life.runs]
    for at, outcome in enumerate(outcomes[:-1], 1):
        if outcome is Outcome.COMPLETED and at not in life.resets:
            yield f"ran again after run {at} had completed"
    latest = [run.row.outcome for run in life.since_reset()][-1:]
    if (life.job.state is JobState.COMPLETED) != (latest == [Outcome.COMPLETED]):
        yield f"is {life.job.state} after {', '.join(map(str, outcomes)) or 'no run'}"


def _completed_ran_to_its_end(life: Life) -> Iterator[str]:
    """A result is accepted from the very run that came to its end, once, and that was about to exit with 0."""
    ends: dict[tuple[int, str | None], list[int | None]] = {}
    for line in life.lines:
        if line.word is Word.END:
            ends.setdefault((line.attempt, line.token), []).append(line.status)
    for run in life.runs:
        n, statuses = run.row.attempt, ends.get((run.row.attempt, run.token), [])
        if len(statuses) > 1:
            yield f"run {n} came to its end {len(statuses)} times"
        if run.row.outcome is not Outcome.COMPLETED:
            continue
        if not statuses:
            yield f"run {n} is completed, but never came to its end"
        elif statuses[0] != 0:
            yield f"run {n} is completed, but left with {statuses[0]}"


def _output_is_its_own(life: Life) -> Iterator[str]:
    """The log of a run holds what that run printed: all of it where it completed, else all but a word at most."""
    for run in life.runs:
        if run.output is None:
            continue
        n, printed = run.row.attempt, list(_printed(run.output))
        if any(token != run.token for token, _ in printed):
            yield f"run {n} has the output of another in its log"
            continue
        said = [line.word for line in life.lines if line.token == run.token and line.token[0] in LOUD]
        words = [word for _, word in printed]
        is_whole = run.row.outcome is Outcome.COMPLETED
        if words != said[: len(words)] or len(words) < len(said) - (not is_whole):
            yield f"run {n} printed {list(map(str, said))}, its log holds {words}"
        if is_whole and run.row.output_bytes != len(run.output):
            yield f"run {n} printed {len(run.output)} bytes, of which {run.row.output_bytes} are known"


def _printed(output: bytes) -> Iterator[tuple[str, str]]:
    """The words of a log, each with the token of the run that said it; what else the command printed is left out."""
    for line in output.decode(errors="replace").splitlines():
        match line.split():
            case [token, word, *_] if word in _WORDS:
                yield token, word


_WORDS = frozenset(Word)


def _starts_are_in_the_history(life: Life) -> Iterator[str]:
    """Starts ≤ rows of history: each start has a row of its own, under its own number and token."""
    known = {(run.row.attempt, run.token) for run in life.runs}
    starts = Counter((line.attempt, line.token) for line in life.lines if line.word is Word.START)
    for (attempt, token), times in starts.items():
        if (attempt, token) not in known:
            yield f"run {attempt} (token {token}) started, but is not in the history"
        if times > 1:
            yield f"run {attempt} (token {token}) started {times} times"


def _charges(life: Life) -> Iterator[str]:
    """Charges since the reset ≤ max_retries + 1, each for a run that was not released; dead only when none is left."""
    job = life.job
    runs = sum(map(charged, life.since_reset()))
    if runs != job.attempts:
        yield f"was charged {job.attempts} runs, the history has {runs}"
    if job.attempts > job.max_retries + 1:
        yield f"was charged {job.attempts} runs of {job.max_retries + 1}"
    if job.state is JobState.DEAD and job.attempts <= job.max_retries:
        yield f"is dead after {job.attempts} runs of {job.max_retries + 1}"


def _never_two_at_once(life: Life) -> Iterator[str]:
    """Once a run has started, no run before it says a word; and none finds another alive."""
    begun: list[str] = []
    for line in life.lines:
        if line.word is Word.OVERLAP:
            yield f"run {line.attempt} started while a process of another run lived"
        if line.word is Word.START and line.token not in begun:
            begun.append(line.token)
        elif line.token in begun[:-1]:
            yield f"run {line.attempt} says '{line.word}' after a later run has started"


def _never_early(life: Life) -> Iterator[str]:
    """No run is claimed, and none starts, before its job is due: by its delay at first, then by the backoff.

    Jobs that need not wait are left out: whose clock says what of them proves nothing.
    """
    starts = {line.token: line.at for line in life.lines if line.word is Word.START and line.at is not None}
    for run, due in _with_their_due(life):
        if due is None:
            continue
        if run.row.started_at < due:
            yield f"run {run.row.attempt} was claimed {due - run.row.started_at} ms early"
        started = starts.get(run.token or "")
        # What is dated 10 began before 20.
        if started is not None and started + RESOLUTION <= due:
            yield f"run {run.row.attempt} started {due - started} ms early"


def _with_their_due(life: Life) -> Iterator[tuple[Run, int | None]]:
    """Each run, and since when (ms) its job was due; None where it had nothing to wait for."""
    due = life.job.created_at + life.delay if life.delay else None
    failed = 0
    for at, run in enumerate(life.runs):
        if at in life.resets:
            due, failed = None, 0
        yield run, due
        if not charged(run):
            continue  # It keeps its place in the queue.
        failed += 1
        delay = delay_ms(life.backoff.base, failed, life.backoff.maximum)
        due = run.row.finished_at + delay if delay and run.row.finished_at is not None else None


RULES: Iterable[Callable[[Life], Iterator[str]]] = (
    _has_ended,
    _history_is_whole,
    _the_last_run_decided,
    _completed_ran_to_its_end,
    _output_is_its_own,
    _starts_are_in_the_history,
    _charges,
    _never_two_at_once,
    _never_early,
)
