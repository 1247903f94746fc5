"""Counts, roll-ups and what is read off them; the same cost at ten jobs and at ten million."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.histogram import quantile
from queuectl_core.model.job import WAITING, JobState
from queuectl_core.store.statements import Statement, Steps, read, work, write

KEEP_MINUTES = 7 * 24 * 60
"""How long the roll-ups of a minute are kept."""

WINDOWS = {"1m": 1, "5m": 5, "15m": 15}
"""The windows of throughput, in minutes."""


class Durations(NamedTuple):
    """How long runs took, in seconds; p50 and p95 are read off a histogram, within a tenth."""

    mean: float
    p50: float
    p95: float
    max: float


class Summary(NamedTuple):
    """The queue at a glance. `throughput` is jobs ended a second, by window."""

    jobs: dict[JobState, int]
    oldest_pending_ms: int | None
    throughput: dict[str, float]
    success_rate: float | None
    duration: Durations | None


@read
def summary() -> Steps[Summary]:
    """Counts, throughput of the last minutes, and the runs of the last hour, from one snapshot."""
    [(now,)] = yield Statement("now")
    counts = yield Statement("counts")
    jobs = dict.fromkeys(JobState, 0)
    waiting = set()
    for queue, state, n in counts:
        jobs[JobState(state)] += n
        if state in WAITING:
            waiting.add(queue)
    oldest = yield from _oldest_waiting(sorted(waiting))
    minutes = yield Statement("minute_totals", {"minutes": max(WINDOWS.values()) + 1})
    throughput = {name: rate(dict(minutes), now, length) for name, length in WINDOWS.items()}
    success, durations = yield from _last_hour()
    return Summary(jobs, oldest, throughput, success, durations)


def _oldest_waiting(queues: list[str]) -> Steps[int | None]:
    """How long (ms) the job that has been due longest has waited; None where none is due."""
    [(upcoming,)] = yield Statement("oldest_upcoming")
    waited = [upcoming]
    for queue in queues:
        [(ready,)] = yield Statement("oldest_ready", {"queue": queue})
        waited.append(ready)
    return max((age for age in waited if age is not None), default=None)


def _last_hour() -> Steps[tuple[float | None, Durations | None]]:
    [totals] = yield Statement("outcome_totals", {"minutes": 60})
    completed, failed, timed_out, lost, total_ms, max_ms = totals
    judged = completed + failed + timed_out + lost
    measured = completed + failed + timed_out
    buckets = yield Statement("duration_totals", {"minutes": 60})
    return (
        completed / judged if judged else None,
        _durations(dict(buckets), measured, total_ms, max_ms) if measured else None,
    )


def _durations(buckets: dict[int, int], runs: int, total_ms: int, max_ms: int) -> Durations:
    middle, high = (min(quantile(buckets, q) or 0.0, max_ms) for q in (0.5, 0.95))
    return Durations(total_ms / runs / 1000, middle / 1000, high / 1000, max_ms / 1000)


def rate(minutes: dict[int, int], now: int, length: int) -> float:
    """Events a second over the last `length` minutes, from counts by minute.

    The minute in which the window begins counts for the share of it that lies in the window.
    """
    current, into = divmod(now, 60_000)
    whole = sum(minutes.get(current - back, 0) for back in range(length))
    share = 1 - into / 60_000
    return (whole + share * minutes.get(current - length, 0)) / (60 * length)


class Minute(NamedTuple):
    """What happened in one minute (since the epoch) of one queue; see `minutes` in the schema."""

    minute: int
    queue: str
    ended: int
    completed: int
    failed: int
    timed_out: int
    cancelled: int
    released: int
    lost: int
    duration_ms: int
    duration_max_ms: int
    waiting_ms: int
    depth: int | None


@read
def minutes_since(minutes: int) -> Steps[list[Minute]]:
    """The roll-ups of the last `minutes`, oldest first."""
    rows = yield Statement("minutes_since", {"minutes": minutes})
    return [Minute(*row) for row in rows]


class Bucket(NamedTuple):
    """How many runs of one minute and queue fell into one bucket of `duration` or `waiting`."""

    minute: int
    queue: str
    measure: str
    bucket: int
    n: int


@read
def buckets_since(minutes: int) -> Steps[list[Bucket]]:
    """The histograms of the last `minutes`, oldest first."""
    rows = yield Statement("buckets_since", {"minutes": minutes})
    return [Bucket(*row) for row in rows]


class StepBucket(NamedTuple):
    """How many runs of the step that begins at `minute` fell into one bucket of `duration` or `waiting`."""

    minute: int
    measure: str
    bucket: int
    n: int


@read
def buckets_by_step(first: int, step: int, queue: str | None) -> Steps[list[StepBucket]]:
    """The histograms from the minute `first` on, `step` minutes together, of one queue or, with None, of all.

    The store adds them up: however many queues were busy for a day, few rows come of it.
    """
    rows = yield Statement("buckets_by_step", {"first": first, "step": step, "queue": queue})
    return [StepBucket(*row) for row in rows]


@work
def tidy() -> Steps[None]:
    """Sample how deep each queue is, and drop roll-ups, queues and counts that are past use."""
    yield Statement("note_depth")
    yield Statement("forget_minutes", {"minutes": KEEP_MINUTES})
    yield Statement("forget_buckets", {"minutes": KEEP_MINUTES})
    yield Statement("forget_counts")
    yield Statement("forget_queues")


@read
def waiting_for(queues: tuple[str, ...]) -> Steps[dict[JobState, int]]:
    """How many jobs of these queues (none given: all) have not ended, by state."""
    counts = yield Statement("counts")
    unfinished = dict.fromkeys((*WAITING, JobState.PROCESSING), 0)
    for queue, state, n in counts:
        if state in unfinished and (not queues or queue in queues):
            unfinished[JobState(state)] += n
    return unfinished


@read
def miscounted() -> Steps[dict[tuple[str, str], tuple[int, int]]]:
    """Queue and state whose kept count differs from the real one: (kept, real). Walks every job."""
    kept = {(queue, state): n for queue, state, n in (yield Statement("counts"))}
    real = {(queue, state): n for queue, state, n in (yield Statement("counted_again"))}
    return {
        key: (kept.get(key, 0), real.get(key, 0))
        for key in sorted(kept.keys() | real.keys())
        if kept.get(key, 0) != real.get(key, 0)
    }


class Ahead(NamedTuple):
    """Jobs that were put off by a clock ahead of the present one, by `ms` at most; `example` is the number of one."""

    jobs: int
    ms: int
    example: int


@read
def put_off_ahead(slack_ms: int) -> Steps[Ahead | None]:
    """Jobs whose delay began later than `slack_ms` from now, as after a clock was set back; None where there is none.

    Walks every job that waits for its time.
    """
    [(jobs, ahead_ms, example)] = yield Statement("put_off_ahead", {"slack_ms": slack_ms})
    return Ahead(jobs, ahead_ms, example) if jobs else None


@write
def recount() -> Steps[None]:
    """Make the kept counts anew from the jobs."""
    yield Statement("recount_clear")
    yield Statement("recount")
