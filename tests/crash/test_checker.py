"""The checker itself: evidence without fault makes no complaint, and each fault exactly its own."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.model.job import Attempt, Job, JobState, NewJob, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.statistics import Minute
from queuectl_core.store.transactions.workers import Orders, Pool, Roster, Worker
from tests.crash.checker import LONGEST_LOG, complaints
from tests.crash.evidence import Backoff, Evidence, Run, Told, is_locked, log_size, look
from tests.crash.ledger import LOUD, RESOLUTION, Ledger, Line, Word

CREATED = 1_000_000
WAIT = 1000
"""The backoff of every failed run, ms."""

DELAY = 500
"""What the job "1" was enqueued with, ms."""


def job(number: int, state: JobState, runs: int, **fields: Any) -> Job:
    """A job that has been charged all its runs."""
    base = Job(
        number, None, "true", state, "default", 0, runs, 1, CREATED, None, "/", {}, CREATED, CREATED, None, CREATED,
        None, None, None, None, runs, False,
    )  # fmt: skip
    return base._replace(**fields)


def run(token: str, attempt: int, outcome: Outcome, started: int) -> Run:
    """A run that took 10 ms."""
    return Run(Attempt(attempt, outcome, None, None, None, started, started + 10, 10, "a-1", 0), token)


def said(number: int, attempt: int, token: str, at: int, status: int | None) -> list[Line]:
    """What a run says that starts and ends."""
    start = Line(str(number), attempt, token, Word.START, at)
    return [start, Line(str(number), attempt, token, Word.END, status=status)]


SECOND = CREATED + DELAY + 10 + WAIT
"""When the job "1", which failed at first, is due again."""

SOUND = Evidence(
    told=Told(["1", "2", "3"], [["2", "3"], ["never", "stored"]], {"1": DELAY}, {"3": [1]}),
    lines=[
        *said(1, 1, "a", CREATED + DELAY, 1),
        *said(1, 2, "b", SECOND, 0),
        *said(2, 1, "c", CREATED, 1),
        *said(2, 2, "d", CREATED + 10 + WAIT, 1),
        *said(3, 1, "e", CREATED, 0),
        *said(3, 2, "f", CREATED + 20, 0),
    ],
    jobs=[
        job(1, JobState.COMPLETED, 2),
        job(2, JobState.DEAD, 2),
        # It was retried after it had completed.
        job(3, JobState.COMPLETED, 2, attempts=1),
    ],
    runs={
        1: [run("a", 1, Outcome.FAILED, CREATED + DELAY), run("b", 2, Outcome.COMPLETED, SECOND)],
        2: [run("c", 1, Outcome.FAILED, CREATED), run("d", 2, Outcome.FAILED, CREATED + 10 + WAIT)],
        3: [run("e", 1, Outcome.COMPLETED, CREATED), run("f", 2, Outcome.COMPLETED, CREATED + 20)],
    },
    backoff=Backoff(1, WAIT),
    minutes=[Minute(0, "default", 4, 3, 3, 0, 0, 0, 0, 0, 0, 0, None)],
    miscounted={},
    roster=Roster([], []),
    damage=[],
    left=[],
    blank=[],
    pids=[],
    locked=[],
)


def test_evidence_without_fault_makes_no_complaint() -> None:
    assert complaints(SOUND) == []


def test_a_run_that_did_not_complete_may_have_printed_a_word_less_than_it_said() -> None:
    for output in (b"0c start 1.5\n", b"0c start 1.5\n0c end 1\n", None):
        assert complaints(with_output("c", output)(SOUND)) == []
    assert complaints(with_output("b", b"0b start 1.5\n0b end 0\n")(SOUND)) == []


Doctor = Callable[[Evidence], Evidence]


def told(**fields: Any) -> Doctor:
    return lambda sound: sound._replace(told=sound.told._replace(**fields))


def of(**fields: Any) -> Doctor:
    return lambda sound: sound._replace(**fields)


def with_job(number: int, **fields: Any) -> Doctor:
    return lambda sound: sound._replace(
        jobs=[job._replace(**fields) if job.number == number else job for job in sound.jobs]
    )


def with_run(number: int, attempt: int, token: str | None = None, **fields: Any) -> Doctor:
    def changed(one: Run) -> Run:
        if one.row.attempt != attempt:
            return one
        return Run(one.row._replace(**fields), token or one.token)

    return lambda sound: sound._replace(runs={**sound.runs, number: [changed(one) for one in sound.runs[number]]})


def with_line(place: int, **fields: Any) -> Doctor:
    """The line at that place changed."""
    return lambda sound: sound._replace(
        lines=[*sound.lines[:place], sound.lines[place]._replace(**fields), *sound.lines[place + 1 :]]
    )


def without(token: str) -> Doctor:
    """All that a run says left out."""
    return lambda sound: sound._replace(lines=[line for line in sound.lines if line.token != token])


def with_lines(at: int, *lines: Line) -> Doctor:
    """These lines put before that place."""
    return lambda sound: sound._replace(lines=[*sound.lines[:at], *lines, *sound.lines[at:]])


def both(*doctors: Doctor) -> Doctor:
    def apply(sound: Evidence) -> Evidence:
        for doctor in doctors:
            sound = doctor(sound)
        return sound

    return apply


def with_output(token: str, output: bytes | None, known: int | None = None) -> Doctor:
    """The run of that token printed what it said, as its new one tells, and this is in its log."""
    loud = f"{LOUD[0]}{token}"
    length = len(output or b"") if known is None else known

    def changed(run: Run) -> Run:
        return run if run.token != token else Run(run.row._replace(output_bytes=length), loud, output)

    return lambda sound: sound._replace(
        runs={number: [changed(run) for run in runs] for number, runs in sound.runs.items()},
        lines=[line._replace(token=loud) if line.token == token else line for line in sound.lines],
    )


def minute(**fields: Any) -> Doctor:
    return lambda sound: sound._replace(minutes=[sound.minutes[0]._replace(**fields)])


FAULTS: dict[str, tuple[Doctor, str]] = {
    "lost": (told(acknowledged=["1", "2", "3", "4"]), "job 4: enqueued 1 times, is there 0 times"),
    "half a batch": (told(batches=[["3", "4"]]), "batch of 3: 1 of 2 jobs are there"),
    "ran without existing": (with_lines(0, Line("9", 1, "z", Word.BEAT)), "job 9: ran, but does not exist"),
    "a history without a job": (
        lambda sound: sound._replace(runs={**sound.runs, 9: []}),
        "job 9: has a history, but does not exist",
    ),
    "never ended": (both(with_job(2, state=JobState.FAILED), minute(ended=3)), "job 2: is failed, never ended"),
    "a run that never ended": (
        both(with_run(2, 2, outcome=None, finished_at=None), minute(failed=2)),
        "job 2: run 2 never ended",
    ),
    "completed without an end": (
        lambda sound: sound._replace(lines=[line for line in sound.lines if (line.token, line.word) != ("b", "end")]),
        "job 1: run 2 is completed, but never came to its end",
    ),
    "completed by another run": (
        with_line(3, token="z"),
        "job 1: run 2 is completed, but never came to its end",
    ),
    "completed with another status": (with_line(3, status=1), "job 1: run 2 is completed, but left with 1"),
    "ended twice": (
        with_lines(4, Line("1", 2, "b", Word.END, status=0)),
        "job 1: run 2 came to its end 2 times",
    ),
    "one token for two runs": (
        both(with_run(2, 2, token="c"), without("d"), of(backoff=Backoff(1, 0))),
        "job 2: 2 runs carried the token c",
    ),
    "ran again": (
        both(told(resets={}), with_job(3, attempts=2), minute(ended=3), of(backoff=Backoff(1, 0))),
        "job 3: ran again after run 1 had completed",
    ),
    "completed after a failure": (
        both(with_run(1, 2, outcome=Outcome.FAILED), minute(completed=2, failed=4)),
        "job 1: is completed after failed, failed",
    ),
    "output of another run": (
        with_output("b", b"0b start\n0c end\n"),
        "job 1: run 2 has the output of another in its log",
    ),
    "output that is lost": (
        with_output("b", b"0b start 1.5\n"),
        "job 1: run 2 printed ['start', 'end'], its log holds ['start']",
    ),
    "output of a failed run that is lost": (
        with_output("c", b""),
        "job 2: run 1 printed ['start', 'end'], its log holds []",
    ),
    "output of another length": (
        with_output("b", b"0b start 1.5\n0b end 0\n", known=9),
        "job 1: run 2 printed 22 bytes, of which 9 are known",
    ),
    "a blank log": (of(blank=[".a-1.log"]), "logs/.a-1.log was left by a worker that is gone"),
    "a start without a row": (
        with_lines(0, Line("1", 1, "z", Word.START)),
        "job 1: run 1 (token z) started, but is not in the history",
    ),
    "started twice": (with_lines(0, Line("1", 1, "a", Word.START)), "job 1: run 1 (token a) started 2 times"),
    "a number left out": (with_job(1, runs=3), "job 1: has runs [1, 2], should have 1 to 3"),
    "charged too much": (
        with_job(1, max_retries=0),
        "job 1: was charged 2 runs of 1",
    ),
    "charged without a run": (with_job(3, attempts=2), "job 3: was charged 2 runs, the history has 1"),
    "dead too early": (with_job(2, max_retries=2), "job 2: is dead after 2 runs of 3"),
    "two at once": (
        with_lines(1, Line("1", 2, "b", Word.OVERLAP)),
        "job 1: run 2 started while a process of another run lived",
    ),
    "a run that lives on": (
        with_lines(3, Line("1", 1, "a", Word.BEAT)),
        "job 1: run 1 says 'beat' after a later run has started",
    ),
    "claimed before its delay": (
        with_run(1, 1, started_at=CREATED + DELAY - 1),
        "job 1: run 1 was claimed 1 ms early",
    ),
    "claimed before its backoff": (with_run(1, 2, started_at=SECOND - 1), "job 1: run 2 was claimed 1 ms early"),
    "started before its delay": (
        with_line(0, at=CREATED + DELAY - RESOLUTION),
        f"job 1: run 1 started {RESOLUTION} ms early",
    ),
    "started before its backoff": (
        with_line(2, at=SECOND - RESOLUTION),
        f"job 1: run 2 started {RESOLUTION} ms early",
    ),
    "miscounted": (
        of(miscounted={("default", "dead"): (2, 1)}),
        "counts: 2 jobs dead in queue default, really 1",
    ),
    "ends not rolled up": (minute(ended=3), "minutes: 3 jobs have ended, really 4"),
    "runs not rolled up": (minute(lost=1), "minutes: 1 runs lost, in the history 0"),
    "damaged": (of(damage=["row 1 missing from index"]), "database: row 1 missing from index"),
    "a log without bound": (
        told(longest_log=LONGEST_LOG + 1),
        f"the write-ahead log took {LONGEST_LOG + 1:,} bytes",
    ),
    "a file in run": (of(left=["a.lock"]), "run/a.lock was left by somebody who is gone"),
    "a lock of nobody": (of(locked=["write.lock"]), "run/write.lock is locked by nobody"),
    "a process": (of(pids=[7]), "process 7 lives on"),
    "a pool on the roster": (
        of(roster=Roster([Pool("a", "h", 1, 0, 1, Orders.RUN)], [])),
        "pool a is still on the roster",
    ),
    "a worker on the roster": (
        of(roster=Roster([], [Worker("a-1", "a", "h", 1, 0, 0, (), False, 0)])),
        "worker a-1 is still on the roster",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_makes_its_own_complaint_and_no_other(fault: str) -> None:
    doctor, complaint = FAULTS[fault]

    assert complaints(doctor(SOUND)) == [complaint]


def test_a_released_run_is_not_charged_and_keeps_the_place_of_its_job() -> None:
    released = both(
        with_run(1, 1, outcome=Outcome.RELEASED),
        with_job(1, attempts=1),
        with_run(1, 2, started_at=CREATED + DELAY),
        with_line(2, at=CREATED + DELAY),
        minute(failed=2, released=1),
    )
    assert complaints(released(SOUND)) == []


# ---------------------------------------------------------------- what is gathered


def test_what_is_gathered_of_a_store_is_what_is_there(tmp_path: Path) -> None:
    with SqliteStore(Home(str(tmp_path / "home"))) as store:
        store.run(enqueue(NewJob("true")))
        other = Path(store.home.lock("other"))
        other.touch()
        with other.open() as held:
            fcntl.flock(held, fcntl.LOCK_SH)
            evidence = look(store, Told(["1"]), [])
        assert not is_locked(other)
        assert (evidence.locked, evidence.left, evidence.pids) == (["other.lock"], ["other.lock"], [])
        assert [job.id for job in evidence.jobs] == ["1"]
        assert evidence.damage == []
        assert evidence.told.longest_log == log_size(store.home) > 0
        assert "job 1: is pending, never ended" in complaints(evidence)


def test_a_ledger_tells_when_a_run_started_and_how_it_was_about_to_leave(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    with (tmp_path / "ledger" / "jobs" / "1").open("a") as lines:
        lines.write("1 1 a start 0.02\n1 1 a end 3\n1 2 b start 0.5\n1 2 b beat\n1 2 b end -\n")
    first, second, third, beat, last = ledger.lines()
    assert (first.word, second.word, beat.word) == (Word.START, Word.END, Word.BEAT)
    assert third.at is not None
    assert first.at is not None
    assert third.at - first.at == 480
    assert (second.status, last.status) == (3, None)
    assert "status=3;" in ledger.command(then="exit 3")
    assert "status=-;" in ledger.command(then="sleep 1")
