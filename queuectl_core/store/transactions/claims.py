"""How a worker takes jobs and gives results: the hot path, and the fence around it.

A claim writes a random token beside the job; a result is taken only from the run whose token stands
there now. Finishing one job and claiming the next is one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from queuectl_core.model.backoff import delay_ms
from queuectl_core.model.job import ENDED, WAITING, Job, JobState, Outcome, Result
from queuectl_core.model.lifecycle import EVENT_OF_OUTCOME, TABLE, after_run
from queuectl_core.model.settings import Settings
from queuectl_core.store.statements import Many, Statement, Steps, Wake, read, work
from queuectl_core.store.transactions.places import Places
from queuectl_core.store.transactions.tallies import Tally

LONGEST_TURN_MS = 60_000
"""How much later than a claim's `now` a job may be due that it sees as ready; beyond that, the clock was set back."""


class Ask(NamedTuple):
    """A worker's wish for a job: `token` is fresh and random; no `queues` means any."""

    worker: str
    token: str
    queues: tuple[str, ...] = ()


class Report(NamedTuple):
    """A run that has ended: `spread` is a random number in [0, 1) for the jitter of the backoff.

    `late_ms` is how long ago it had ended when this was written: results of short runs are reported together.
    `since_ms` is how long ago its command had been started, None where nobody can tell: it may have been claimed a
    little ahead of that.
    """

    number: int
    token: str
    result: Result
    settings: Settings
    spread: float = 0.0
    late_ms: int = 0
    since_ms: int | None = None


class Held(NamedTuple):
    """A job that a run holds, with the token of that run."""

    token: str
    job: Job


class Turns(NamedTuple):
    """What a worker is told: the jobs it claimed, and what became of those it reported, in their order.

    An entry of `ended` is the job as it is now, None where the report came too late. `next_due_ms` is how
    long until a waiting job is due (ms), None where none waits or a job was claimed. `settings_version`
    differs from the worker's own once a setting was changed.
    """

    claimed: list[Held]
    ended: list[Job | None]
    next_due_ms: int | None
    settings_version: int


class Turn(NamedTuple):
    """As `Turns`, for one report and one claim."""

    job: Job | None
    ended: Job | None
    next_due_ms: int | None
    settings_version: int


@work
def take_turn(report: Report | None, ask: Ask | None) -> Steps[Turn]:
    """Report the run that ended, if any, and claim the next job, if wanted and there is one."""
    turns = yield from _take_turns([] if report is None else [report], [] if ask is None else [ask])
    claimed, ended, due, version = turns
    return Turn(claimed[0].job if claimed else None, ended[0] if ended else None, due, version)


def _no_age() -> int:
    return 0


@work
def take_turns(
    reports: Sequence[Report],
    asks: Sequence[Ask],
    *,
    ahead: bool = False,
    places: Places | None = None,
    age: Callable[[], int] = _no_age,
) -> Steps[Turns]:
    """Report the runs that ended, and claim up to as many jobs as there are asks, all of one worker.

    Of several asks no more are granted than the worker's fair share of what waits. A worker that claims `ahead`, while
    a run of its own goes on, is granted not even one where that is less: another can begin it sooner. `places` is what
    it remembers from one turn to the next; without, it looks at every queue anew. `age` tells how old the reports are
    (ms): it is asked at each try, since a store may be out of reach for long.
    """
    return (yield from _take_turns(reports, asks, ahead, places, age))


def _take_turns(
    reports: Sequence[Report],
    asks: Sequence[Ask],
    ahead: bool = False,
    places: Places | None = None,
    age: Callable[[], int] = _no_age,
) -> Steps[Turns]:
    [(now, version)] = yield Statement("now_and_version")
    tally = Tally(now)
    ended = yield from end_runs(reports, now, tally, age())
    claimed: list[Held] = []
    if asks:
        if any(job and job.state in WAITING for job in ended):
            yield from tally.written()  # A claim looks at the counts for queues where something waits.
        yield Statement("promote_due")
        if granted := (yield from _granted(asks, least=0 if ahead else 1)):
            claimed = yield from _claim(granted, now, tally, places or Places())
    yield from tally.written()
    if claimed:
        return Turns(claimed, ended, None, version)
    if reports and asks and not ahead:
        yield Statement("worker_idle", {"worker": asks[0].worker})
    [(due,)] = yield Statement("next_due")
    return Turns([], ended, due, version)


def _granted(asks: Sequence[Ask], least: int) -> Steps[Sequence[Ask]]:
    """As many of the asks as leave the other workers theirs, but `least` of them in any case."""
    if len(asks) <= least:
        return asks
    [(waiting, workers)] = yield Statement("fair_share", {"wanted": len(asks)})
    return asks[: max(least, waiting // max(1, workers))]


def _claim(asks: Sequence[Ask], now: int, tally: Tally, places: Places) -> Steps[list[Held]]:
    """Claim the best jobs, one an ask; fewer where fewer are due."""
    ready: list[Job] = []
    for head in (yield from places.heads(asks[0].queues, len(asks), now)):
        ready += map(Job.from_row, (yield Statement("ready_jobs", head._asdict())))
    ready.sort(key=place_in_line)
    held, rows = [], []
    for ask, job in zip(asks, ready, strict=False):
        tally.moved(job.queue, job.state, JobState.PROCESSING)
        at = _instant(job, now)
        held.append(Held(ask.token, _as_held(job, ask.worker, at)))
        rows.append(
            {"number": job.number, "attempt": job.runs + 1, "token": ask.token, "worker": ask.worker, "now": at}
        )
    if rows:
        yield Many("hold_jobs", rows)
        yield Many("insert_runs", rows)
    return held


def place_in_line(job: Job) -> tuple[int, int, int]:
    """What puts waiting jobs into the order in which they are claimed."""
    return -job.priority, job.due, job.number


def _instant(job: Job, now: int) -> int:
    """When a claim is (ms): not before the job was due.

    On a server a claim can see what others did after it began, which is its `now`: that a job came, or became due.
    """
    return job.due if now < job.due <= now + LONGEST_TURN_MS else now


def _as_held(job: Job, worker: str, now: int) -> Job:
    return job._replace(
        state=JobState.PROCESSING,
        attempts=job.attempts + 1,
        runs=job.runs + 1,
        worker=worker,
        started_at=now,
        updated_at=now,
        exit_code=None,
        signal=None,
        error=None,
    )


@work
def unclaim(held: Sequence[Held]) -> Steps[None]:
    """Give back jobs whose runs were never started: uncharged, unnumbered, in their old places."""
    [(now, _)] = yield Statement("now_and_version")
    tally = Tally(now)
    for token, job in held:
        values = {"number": job.number, "attempt": job.runs, "token": token}
        for queue, state in (yield Statement("unclaim_job", values)):
            yield Statement("unclaim_run", values)
            tally.moved(queue, JobState.PROCESSING, JobState(state))
            if state == JobState.PENDING:
                yield Wake(queues=frozenset({queue}))
            else:
                tally.ended(queue)
    yield from tally.written()


def end_runs(reports: Sequence[Report], now: int, tally: Tally, age: int = 0) -> Steps[list[Job | None]]:
    """End these runs, each that still holds its job; the jobs as they are then, None for the others.

    The reports were written `age` milliseconds before `now`.
    """
    if not reports:
        return []
    written = now - age
    ended: list[Job | None] = []
    by_statement: dict[str, list[dict[str, Any]]] = {}
    tails = []
    runs = json.dumps([(report.number, report.token) for report in reports])
    held = {row[0]: row[1:] for row in (yield Statement("held_jobs", {"runs": runs}))}
    for report in reports:
        row = held.pop(report.token, None)
        if row is None:
            ended.append(None)
            continue
        job, result = _begun(Job.from_row(row), report, written), report.result
        state = after_run(result.outcome, job.attempts, job.max_retries, cancelling=job.cancelling)
        values = _ended_columns(job, report, state, now, written)
        by_statement.setdefault(_ENDINGS.get(state, "end_jobs"), []).append(values)
        if result.tail:
            tails.append({"number": job.number, "attempt": job.runs, "output": result.tail})
        tally.ran(job, state, result)
        if state in WAITING:
            # Also for a retry that is not due yet: an idle worker must know when to look again.
            yield Wake(queues=frozenset({job.queue}))
        ended.append(_as_ended(job, result, state, values, now))
    for name, changes in by_statement.items():
        yield Many(name, changes)
        yield Many("end_runs", changes)
    if tails:
        yield Many("insert_tails", tails)
    return ended


def _begun(job: Job, report: Report, written: int) -> Job:
    """The job with the instant when its command was started, where that is known."""
    if report.since_ms is None:
        return job
    return job._replace(started_at=max(job.started_at or 0, written - report.since_ms))


def _ended_at(job: Job, report: Report, written: int) -> int:
    """When the run ended: as long after its beginning as it took, also where that was moved to its claim."""
    began_at = job.started_at or 0
    if report.since_ms is None:
        return max(began_at, written - report.late_ms)
    return began_at + report.since_ms - report.late_ms


_ENDINGS = {JobState.FAILED: "put_off_jobs", JobState.PENDING: "release_jobs"}
"""The statement by which a run's job takes its next state, where that is not its last."""


def _ended_columns(job: Job, report: Report, state: JobState, now: int, written: int) -> dict[str, Any]:
    result = report.result
    return {
        "number": job.number,
        "attempt": job.runs,
        "token": report.token,
        "state": state,
        "outcome": result.outcome,
        "charge": TABLE[JobState.PROCESSING, EVENT_OF_OUTCOME[result.outcome]].charge,
        "delay_ms": retry_delay_ms(job.attempts, report.settings, report.spread) if state is JobState.FAILED else 0,
        "began_at": job.started_at,
        "ended_at": _ended_at(job, report, written),
        "exit_code": result.exit_code,
        "signal": result.signal,
        "error": result.error,
        "duration_ms": None if result.outcome is Outcome.LOST else result.duration_ms,
        "output_bytes": result.output_bytes,
        "now": now,
    }


def _as_ended(job: Job, result: Result, state: JobState, values: dict[str, Any], now: int) -> Job:
    return job._replace(
        state=state,
        attempts=job.attempts + values["charge"],
        due=now + values["delay_ms"] if state is JobState.FAILED else job.due,
        updated_at=now,
        finished_at=values["ended_at"] if state in ENDED else None,
        exit_code=result.exit_code,
        signal=result.signal,
        error=result.error,
        cancelling=False,
    )


def retry_delay_ms(attempts: int, settings: Settings, spread: float) -> int:
    """How long a job waits (ms) after its `attempts`th failed run, by the settings of now."""
    maximum = round(settings.backoff_max * 1000)
    return delay_ms(settings.backoff_base, attempts, maximum, settings.backoff_jitter, spread)


@read
def cancel_wanted(number: int, token: str) -> Steps[bool]:
    """Whether the run should be ended: its job is being cancelled, or is no longer this run's."""
    rows = yield Statement("cancel_wanted", {"number": number, "token": token})
    return not rows or bool(rows[0][0])


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
