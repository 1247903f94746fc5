"""Clocks that are wrong by a day, ahead or back, in one process of several: nobody dies of it, nothing runs twice.

Skewed stores are those of this process, by the clock they are given, or those of whole pools.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.recovery import recover_lost
from queuectl_core.execution.roster import WorkerState, worker_views
from queuectl_core.model.job import JobState, NewJob, Outcome, Result
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.claims import Ask, Report, Turn, take_turn
from queuectl_core.store.transactions.jobs import find, history
from queuectl_core.store.transactions.settings import set_setting, settings
from queuectl_core.store.transactions.statistics import summary, tidy
from queuectl_core.store.transactions.workers import register_pool, register_worker
from queuectl_tui.looks.cells import age
from tests.cli.line import at_terminal, run_program
from tests.crash.ledger import Word
from tests.crash.storm import ROOT, Storm
from tests.execution.waiting import eventually
from tests.store.engines import NOON

pytestmark = pytest.mark.crash

DAY = 24 * 3_600_000
SKEWS = {"ahead": DAY, "back": -DAY}
POOL, WORKER = "aaaaaa", "aaaaaa-1"

OUTCOMES = (
    Result(Outcome.COMPLETED, 0, duration_ms=7),
    Result(Outcome.FAILED, 1, duration_ms=7),
    Result(Outcome.LOST, error="the worker died"),
    Result(Outcome.RELEASED),
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(str(tmp_path / "home"))


@pytest.fixture
def stores(home: Home) -> Iterator[dict[str, SqliteStore]]:
    """Stores of one home, by how their clocks go; a pool and its worker are on the roster, both alive."""
    with ExitStack() as opened:
        stores = {
            name: opened.enter_context(SqliteStore(home, clock=clock_off_by(skew)))
            for name, skew in {"right": 0, **SKEWS}.items()
        }
        for name in (POOL, WORKER):
            opened.callback(Hold(home, name).close)
        stores["right"].run(register_pool(POOL, "host", os.getpid(), 1))
        stores["right"].run(register_worker(WORKER, POOL, "host", os.getpid(), (), 1))
        yield stores


def clock_off_by(skew: int) -> Callable[[], int]:
    """The clock of this machine, off by so many milliseconds."""
    return lambda: wall_clock() + skew


def claim(store: SqliteStore, token: str = "token") -> Turn:
    """Claim the next job by this store's clock."""
    return store.run(take_turn(None, Ask(WORKER, token)))


# ---------------------------------------------------------------- who is alive


@pytest.mark.parametrize("skew", SKEWS)
@pytest.mark.parametrize("claimer", SKEWS)
def test_no_clock_makes_a_living_worker_lost(stores: dict[str, SqliteStore], claimer: str, skew: str) -> None:
    stores["right"].run(enqueue(NewJob("true", id="held")))
    claim(stores[claimer])

    assert recover_lost(stores[skew]) == []

    [view] = worker_views(stores[skew])
    assert (view.state, view.job) == (WorkerState.BUSY, "held")


# ---------------------------------------------------------------- what is due


@pytest.mark.parametrize("skew", SKEWS)
def test_nothing_runs_before_it_is_due_by_the_clock_of_who_claims(
    stores: dict[str, SqliteStore], home: Home, skew: str
) -> None:
    stores[skew].run(enqueue(NewJob("true", delay=60)))
    due = stores[skew].run(find(["1"]))[0].due
    now = due - 1
    with SqliteStore(home, clock=lambda: now) as store:
        turn = claim(store)
        assert (turn.job, turn.next_due_ms) == (None, 1)
        now = due
        assert claim(store).job is not None


@pytest.mark.parametrize("skew", SKEWS)
def test_a_job_that_may_run_at_once_runs_at_once_whatever_the_clock_of_who_enqueued_it(
    stores: dict[str, SqliteStore], skew: str
) -> None:
    stores[skew].run(enqueue(NewJob("true")))

    assert claim(stores["right"]).job is not None


def test_a_job_that_was_due_once_stays_due_when_the_clock_goes_back(stores: dict[str, SqliteStore]) -> None:
    for store in (stores["ahead"], stores["right"]):
        store.run(enqueue(NewJob("true")))

    assert claim(stores["back"], "one").job is not None
    assert claim(stores["back"], "two").job is not None


# ---------------------------------------------------------------- what is told


def jobs_of_every_clock(stores: dict[str, SqliteStore]) -> list[int]:
    """Jobs whose enqueuing, claim and end each went by another clock, with every outcome; their numbers."""
    values = stores["right"].run(settings()).values
    numbers = []
    for result, (first, second, third) in itertools.product(OUTCOMES, itertools.product(stores.values(), repeat=3)):
        job = first.run(enqueue(NewJob("true", max_retries=0)))
        numbers.append(job.number)
        while (held := claim(second, f"token-{job.number}").job) is None or held.number != job.number:
            assert held is not None  # One that was released: it is ended first.
            third.run(take_turn(Report(held.number, f"token-{job.number}", OUTCOMES[0], values), None))
        third.run(take_turn(Report(job.number, f"token-{job.number}", result, values), None))
        third.run(tidy())
    return numbers


def test_no_run_ends_before_it_starts_or_takes_less_than_no_time(stores: dict[str, SqliteStore]) -> None:
    for number in jobs_of_every_clock(stores):
        runs = stores["right"].run(history(number))
        assert runs != []
        for run in runs:
            assert run.finished_at is not None
            assert run.started_at <= run.finished_at
            assert run.duration_ms is not None
            assert 0 <= run.duration_ms <= 2 * DAY + 60_000
        [job] = stores["right"].run(find([str(number)]))
        assert (job.started_at or 0) <= (job.finished_at or wall_clock() + 2 * DAY)


@pytest.mark.parametrize("reader", ["right", *SKEWS])
def test_the_statistics_of_other_days_are_told_without_a_negative_number(
    stores: dict[str, SqliteStore], reader: str
) -> None:
    jobs_of_every_clock(stores)

    found = stores[reader].run(summary())

    assert all(rate >= 0 for rate in found.throughput.values())
    assert found.success_rate is not None
    assert 0 <= found.success_rate <= 1
    assert found.duration is not None
    assert min(found.duration) >= 0


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("list",), ("show", "9"), ("dlq", "list"), ("worker", "list"), ("doctor",)],
    ids=" ".join,
)
def test_every_command_shows_what_lies_in_the_future_and_the_past(
    stores: dict[str, SqliteStore], home: Home, arguments: tuple[str, ...]
) -> None:
    jobs_of_every_clock(stores)

    seen = at_terminal(home, *arguments, columns=160, NO_COLOR="1")
    piped = run_program(home, *arguments, "--json")

    assert (seen.status, piped.status, piped.err) == (0, 0, "")
    assert "Traceback" not in seen.out
    json.loads(piped.out)
    # No age and no duration below nothing, which would be "-23h" and "duration": -1.
    assert " -0" not in seen.out
    assert not [word for word in seen.out.split() if word[:1] == "-" and word[1:2].isdigit()]
    assert not [line for line in piped.out.splitlines() if ": -" in line]


# ---------------------------------------------------------------- whole pools

# The stores of all processes of a pool, off by the first argument.
SKEWED = """
import sys
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.store import SqliteStore
skew = int(sys.argv.pop(1))
SqliteStore.__init__.__kwdefaults__["clock"] = lambda: wall_clock() + skew
from queuectl_core.cli.main import main
main()
"""

HOURS = 23
"""A skew that leaves all roll-ups within the day that is looked over when the storm is judged."""

FAKE_TIME = sorted(Path("/usr").glob("lib*/**/faketime/libfaketime.so.1"))


def drain_with_wrong_clock(storm: Storm, *program: str, **environment: str) -> None:
    """Run a pool of such a program until every job has ended, beside one whose clock is right."""
    command = [sys.executable, *program, "--home", storm.home.path, "worker", "start", "--count=2", "--drain"]
    jobs = [
        {"command": storm.ledger.command(beats=n % 3, then=f"exit {int(n % 5 == 0)}"), "max_retries": n % 2}
        for n in range(40)
    ]
    storm.put_many(jobs)
    pool = storm.start_pool(2)
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "QUEUECTL_HOME": storm.home.path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as skewed:
        storm.let_work_go_on(500)
        storm.kill_worker(pool, random.Random(1))
        said, _ = skewed.communicate(timeout=60)
    assert skewed.returncode == 0, said
    assert b"started" in said, "the pool whose clock is wrong ran nothing"
    storm.drain(1)
    assert storm.wrong() == []
    assert len([line for line in storm.ledger.lines() if line.word is Word.START]) >= len(jobs)


@pytest.mark.parametrize("skew", SKEWS)
def test_a_pool_whose_clock_is_wrong_breaks_no_promise(storm: Storm, skew: str) -> None:
    off = HOURS * 3_600_000 * (1 if skew == "ahead" else -1)
    drain_with_wrong_clock(storm, "-c", SKEWED, str(off))


@pytest.mark.usefixtures("no_shared_times")
@pytest.mark.skipif(not FAKE_TIME, reason="libfaketime is not installed")
@pytest.mark.parametrize("offset", [f"+{HOURS}h", f"-{HOURS}h"])
def test_a_pool_on_another_day_breaks_no_promise(storm: Storm, offset: str) -> None:
    drain_with_wrong_clock(
        storm,
        "-m",
        "queuectl_core",
        LD_PRELOAD=str(FAKE_TIME[-1]),
        FAKETIME=offset,
        FAKETIME_DONT_FAKE_MONOTONIC="1",
    )


# ---------------------------------------------------------------- clocks that jump

# As above, but off by what a file says now.
JUMPING = """
import sys
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.store import SqliteStore
path = sys.argv.pop(1)
def clock():
    with open(path) as file:
        return wall_clock() + int(file.read())
SqliteStore.__init__.__kwdefaults__["clock"] = clock
from queuectl_core.cli.main import main
main()
"""
TEN_MINUTES, ALMOST_A_DAY = 600_000, HOURS * 3_600_000


def test_a_clock_that_jumps_while_a_pool_works_breaks_no_promise(storm: Storm, tmp_path: Path) -> None:
    skew, gate = tmp_path / "skew", tmp_path / "gate"

    def jump(milliseconds: int) -> None:
        draft = skew.with_suffix(".new")
        draft.write_text(str(milliseconds))
        draft.rename(skew)

    def state(job: str) -> JobState:
        return storm.job(job).state

    jump(0)
    storm.store.run(set_setting("backoff_base", "1000"))
    storm.store.run(set_setting("backoff_max", str(2 * 86_400)))
    pool = storm.start_pool(2, program=("-c", JUMPING, str(skew)))
    other = storm.start_pool(1, "--queue=other")
    running = storm.put(storm.ledger.command(gate=gate))
    failed = storm.put(storm.ledger.command(then="exit 1"))
    delayed = storm.put(storm.ledger.command(), delay=2 * 86_400.0)
    eventually(lambda: state(failed) is JobState.FAILED and state(running) is JobState.PROCESSING)

    for off in (0, TEN_MINUTES, -ALMOST_A_DAY, 0, ALMOST_A_DAY, 0):
        if off == ALMOST_A_DAY:  # by which it would be due
            assert (state(failed), storm.job(failed).runs) == (JobState.FAILED, 1)
            storm.store.run(cancel([failed]))
        jump(off)
        # Both pools look, and so does whoever recovers what is lost.
        probes = [storm.put(storm.ledger.command(), queue=queue) for queue in ("default", "other")]
        eventually(lambda these=probes: all(state(probe) is JobState.COMPLETED for probe in these))  # type: ignore[misc]
        assert recover_lost(storm.store) == []
        assert (state(running), storm.job(running).runs) == (JobState.PROCESSING, 1)
        assert (state(delayed), storm.job(delayed).runs) == (JobState.PENDING, 0)
        assert storm.job(failed).runs == 1
        assert negative_lengths_told(storm.home) == []

    soon = storm.put(storm.ledger.command(), delay=0.5)
    due = storm.job(soon).due
    eventually(lambda: state(soon) is JobState.COMPLETED)
    assert (storm.job(soon).started_at or 0) >= due
    gate.touch()
    eventually(lambda: state(running) is JobState.COMPLETED)
    [run] = storm.store.run(history(storm.job(running).number))
    assert 0 < (run.duration_ms or 0) < TEN_MINUTES
    assert run.started_at <= (run.finished_at or 0)
    for mine in (pool, other):
        assert mine.process.poll() is None
    storm.store.run(cancel([delayed]))
    storm.drain(1)
    assert storm.wrong() == []
    assert not [word for word in (": -", "died", "lost") if word in storm.said()]


def negative_lengths_told(home: Home) -> list[str]:
    """What commands tell of ages and durations below nothing."""
    commands = (("status",), ("list",), ("worker", "list"), ("show", "1"))
    told = [run_program(home, *arguments, "--json").out for arguments in commands]
    return [text for text in told if ": -" in text]


@pytest.mark.parametrize("now", [0, DAY, -DAY])
def test_the_console_tells_no_negative_age(now: int) -> None:
    assert "-" not in age(NOON, NOON + now)
