"""Several hosts on one server: they die, are stopped whole, and wake again; no promise is broken.

All on a real server; the hosts are homes with pools of their own.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from queuectl_core.execution.roster import worker_views
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.settings import set_setting
from tests.crash.blows import Gale, Kind, any_job, drawn
from tests.crash.evidence import environment_of, processes_of
from tests.crash.hosts import (
    LEASE,
    begun_again,
    hosts_on,
    jobs_at,
    kill_host,
    long_job,
    outcomes,
    signal_host,
    wrong_of,
)
from tests.crash.ledger import Word
from tests.crash.storm import APART, UNANSWERED, Storm
from tests.execution.waiting import eventually
from tests.postgres.server import Databases, Server

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("QUEUECTL_CRASH_SEED", "1"))

BLOWS = 45
"""How many blows of a storm hosts have to bear."""

KILLS = 5
"""How many hosts die, one after another."""


@pytest.fixture
def url(postgres: Databases, alone: None) -> Iterator[str]:
    """An empty database."""
    with postgres.database() as url:
        yield url


@pytest.mark.parametrize("program", [APART, UNANSWERED])
def test_a_storm_over_three_hosts_breaks_no_promise(tmp_path: Path, url: str, program: tuple[str, ...]) -> None:
    print(f"QUEUECTL_CRASH_SEED={SEED}")  # noqa: T201 — shown where the test fails
    rng = random.Random(SEED)
    # The lease is long: whoever is killed is replaced on the same host, and there the kernel's locks speak.
    with hosts_on(tmp_path, url, 3, lease=20) as storm:
        storm.program = program
        gale = Gale(storm, rng)
        for blow in drawn(rng)[:BLOWS]:
            gale.deal(blow)
        gale.calm()
        storm.drain(3)
        # Whoever could not take its leave is seen off by the next pool of its host.
        storm.program = APART
        for host in storm.hosts:
            assert storm.start_pool(1, "--drain", host=host).process.wait(60) == 0
        assert wrong_of(storm) == []
        assert storm.struck[Kind.WORKER] >= BLOWS // 4
        assert storm.struck[Kind.POOL_ALONE] + storm.struck[Kind.WHOLE_POOL] >= 3


def test_the_jobs_of_hosts_that_die_go_on_elsewhere(tmp_path: Path, url: str) -> None:
    rng = random.Random(SEED)
    # A machine that does much else may starve a living host for as long as the usual one.
    with hosts_on(tmp_path, url, 3, lease=5) as storm:
        storm.put_all([any_job(storm.ledger, rng) for _ in range(60)])
        for host in storm.hosts:
            storm.start_pool(2, host=host)
        for n in range(KILLS):
            storm.let_work_go_on(100)
            victim = storm.hosts[1 + n % 2]  # the first one stays, to see that all goes on
            kill_host(storm, victim)
            storm.put_all([any_job(storm.ledger, rng) for _ in range(20)])
            storm.start_pool(2, host=victim)
        storm.drain(2)
        assert storm.struck["host"] == KILLS
        assert wrong_of(storm) == []


def test_a_job_of_a_host_that_died_is_lost_once_and_runs_at_another(tmp_path: Path, url: str) -> None:
    with hosts_on(tmp_path, url, 2) as storm:
        first = storm.start_pool(1, host=storm.hosts[1])
        job, gate = long_job(storm, first)
        storm.start_pool(1)
        kill_host(storm, storm.hosts[1])
        eventually(lambda: begun_again(storm, job), what=f"another host runs it; {storm.said()[-2000:]}")
        assert outcomes(storm, job) == [Outcome.LOST, None]
        storm.hosts.pop()  # Nobody tidies up what it left.
        gate.touch()
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.LOST, Outcome.COMPLETED]
        assert wrong_of(storm) == []


def test_what_outlived_a_whole_pool_is_ended_by_the_next_pool_of_its_host(tmp_path: Path, url: str) -> None:
    with hosts_on(tmp_path, url, 2) as storm:
        killed = storm.start_pool(1, host=storm.hosts[1])
        job, gate = long_job(storm, killed)
        storm.kill_pool(killed, with_children=True)
        storm.start_pool(1)
        # Nobody there can end the command, which goes on, and nobody elsewhere knows.
        eventually(lambda: begun_again(storm, job), what=f"another host runs it; {storm.said()[-2000:]}")
        assert processes_of(storm.hosts[1])
        storm.start_pool(1, host=storm.hosts[1])
        eventually(
            lambda: not [pid for pid in processes_of(storm.hosts[1]) if carries(pid, job)], what="its command is ended"
        )
        gate.touch()
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.LOST, Outcome.COMPLETED]
        assert wrong_of(storm, {job}) == []


def test_a_host_that_lives_gives_on_by_itself_what_its_dead_worker_ran_however_long_that_takes(
    tmp_path: Path, url: str
) -> None:
    with hosts_on(tmp_path, url, 2) as storm:
        host = storm.hosts[1]
        pool = storm.start_pool(1, host=host)
        job, gate = long_job(storm, pool)
        storm.start_pool(1)
        [worker] = storm.workers(pool)
        with Path(host.lock("recovery")).open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            since = time.monotonic()
            assert storm.strike(worker)
            eventually(lambda: time.monotonic() > since + 2 * LEASE, what="a dead host would long have been given up")
            assert outcomes(storm, job) == [None]
        eventually(lambda: begun_again(storm, job), what=f"it was given on; {storm.said()[-2000:]}")
        gate.touch()
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.LOST, Outcome.COMPLETED]
        assert wrong_of(storm) == []


# As where it is of another user: nothing that is sent ends it.
ENDS_NOBODY = """
from tests.crash.apart import stand_apart
stand_apart()
from queuectl_core.cli.main import main
from queuectl_core.execution import survivors

survivors.send = lambda *_: None
main()
"""


def test_a_host_that_lives_keeps_the_jobs_of_many_dead_workers_whose_commands_do_not_end(
    tmp_path: Path, url: str
) -> None:
    lease = 6.0  # Less than it would take to wait for each of them.
    with hosts_on(tmp_path, url, 2, lease) as storm:
        pool = storm.start_pool(3, host=storm.hosts[1], program=("-c", ENDS_NOBODY))
        jobs, gates = zip(*(long_job(storm, pool) for _ in range(3)), strict=True)
        storm.start_pool(1)
        dead = storm.workers(pool)
        assert set(dead.values()) == set(jobs)
        since = time.monotonic()
        assert all(storm.strike(worker) for worker in dead)
        eventually(lambda: time.monotonic() > since + 2 * lease, what="a dead host would long have been given up")
        assert [outcomes(storm, job) for job in jobs] == [[None]] * 3, storm.said()[-2000:]
        for gate in gates:
            gate.touch()
        storm.drain(1)
        assert [outcomes(storm, job) for job in jobs] == [[Outcome.LOST, Outcome.COMPLETED]] * 3, storm.said()[-4000:]
        # What the dead left in the home's `run` may be swept away by the next pool there alone.
        assert [one for one in wrong_of(storm) if not one.startswith("run/")] == []


# What may be left of a run before is looked for until a word comes through a FIFO.
LOOKS_LONG = """
from queuectl_core.cli.main import main
from queuectl_core.execution.running import Runner

def look(*_):
    open({looking!r}, "w").close()
    with open({looked!r}, "rb") as words:
        return bool(words.read(1))

Runner.end_previous = look
main()
"""


def test_a_worker_that_looks_for_too_long_before_a_run_finds_the_job_given_on(tmp_path: Path, url: str) -> None:
    looking, looked = tmp_path / "looking", tmp_path / "looked"
    os.mkfifo(looked)
    program = ("-c", LOOKS_LONG.format(looking=str(looking), looked=str(looked)))
    with hosts_on(tmp_path, url, 2) as storm:
        storm.store.run(set_setting("backoff_max", "0"))
        slow = storm.start_pool(1, program=program, host=storm.hosts[1])
        keeper = eventually(lambda: storm.keeper(slow), what="there is a keeper")
        job = storm.put(f"[ $QUEUECTL_ATTEMPT -gt 1 ] || exit 1; {storm.ledger.command()}", max_retries=3)
        eventually(looking.exists, what="it is about to run again")
        assert storm.freeze(keeper)
        storm.start_pool(1)
        eventually(lambda: storm.ledger.has(job, Word.END), what=f"another host runs it; {storm.said()[-2000:]}")
        looked.write_bytes(b"!")  # There is a reader: that is what it waits for.
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.FAILED, Outcome.LOST, Outcome.COMPLETED]
        assert {line.attempt for line in storm.ledger.lines()} == {3}
        assert wrong_of(storm) == []


def carries(pid: int, job: str) -> bool:
    """Whether a process is one of a command of that job."""
    return f"QUEUECTL_JOB_ID={job}".encode() in environment_of(pid)


def test_a_host_that_is_stopped_through_its_lease_finds_its_results_refused(tmp_path: Path, url: str) -> None:
    with hosts_on(tmp_path, url, 2) as storm:
        frozen = storm.start_pool(1, host=storm.hosts[1])
        job, gate = long_job(storm, frozen)
        late = {job}
        signal_host(storm.hosts[1], signal.SIGSTOP)
        awake = storm.start_pool(1)
        eventually(lambda: begun_again(storm, job), what=f"another host runs it; {storm.said()[-2000:]}")
        signal_host(storm.hosts[1], signal.SIGCONT)
        eventually(
            lambda: "came too late" in storm.said(), what=f"the sleeper's result is refused; {storm.said()[-2000:]}"
        )
        assert job in jobs_at(storm, awake), "the run at the other host goes on"
        gate.touch()
        # It is known again, and works on.
        eventually(lambda: len(storm.workers(frozen)) == 1, what="the worker registers anew")
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.LOST, Outcome.COMPLETED]
        assert wrong_of(storm, late) == []


def test_hosts_that_are_stopped_in_their_work_and_wake_break_no_promise(tmp_path: Path, url: str) -> None:
    rng = random.Random(SEED)
    late: set[str] = set()
    with hosts_on(tmp_path, url, 2, lease=1) as storm:
        storm.start_pool(2)
        pool = storm.start_pool(3, host=storm.hosts[1])
        storm.all_workers(pool)
        [name] = {view.pool for view in worker_views(storm.store) if view.pid in storm.workers(pool)}
        for _ in range(3):
            storm.put_all([any_job(storm.ledger, rng) for _ in range(30)])
            storm.all_workers(pool)
            storm.let_work_go_on(200)
            signal_host(storm.hosts[1], signal.SIGSTOP)
            # Also those that were begun without our seeing it: all that it holds now.
            late |= held_by(storm, name)
            eventually(lambda: not held_by(storm, name), what=f"all it held is given on; {storm.said()[-2000:]}")
            signal_host(storm.hosts[1], signal.SIGCONT)
        storm.drain(2)
        assert wrong_of(storm, late) == []


def held_by(storm: Storm, pool: str) -> set[str]:
    """The ids of all jobs that stand in the store as held by a worker of that pool."""
    return {held.job.id for held in storm.store.run(processing()) if str(held.job.worker).startswith(f"{pool}-")}


def test_a_server_that_restarts_and_crashes_in_mid_load_loses_nothing(
    tmp_path: Path, own_postgres: Server, alone: None
) -> None:
    rng = random.Random(SEED)
    with own_postgres.database() as url, hosts_on(tmp_path, url, 2, lease=30) as storm:
        pool = storm.start_pool(2, host=storm.hosts[1])
        job, gate = long_job(storm, pool)
        storm.start_pool(2)
        for act in (own_postgres.restart, own_postgres.crash, own_postgres.restart):
            storm.put_all([any_job(storm.ledger, rng) for _ in range(40)])
            storm.let_work_go_on(300)
            act()
        storm.let_work_go_on(100)
        assert outcomes(storm, job) == [None], "what ran went on all the while"
        gate.touch()
        storm.drain(2)
        assert outcomes(storm, job) == [Outcome.COMPLETED]
        assert wrong_of(storm) == []


def test_a_result_is_kept_while_the_server_is_away(tmp_path: Path, own_postgres: Server, alone: None) -> None:
    with own_postgres.database() as url, hosts_on(tmp_path, url, 1, lease=30) as storm:
        pool = storm.start_pool(1)
        job, gate = long_job(storm, pool)
        own_postgres.stop()
        gate.touch()
        eventually(lambda: storm.ledger.has(job, Word.END), what="the command ends meanwhile")
        eventually(lambda: "cannot reach" in storm.said(), what="the pool says what is wrong")
        own_postgres.start()
        eventually(lambda: storm.job(job).state is JobState.COMPLETED, what="the result is delivered")
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.COMPLETED]
        assert wrong_of(storm) == []


def test_connections_that_are_cut_all_the_time_lose_nothing(tmp_path: Path, url: str) -> None:
    rng = random.Random(SEED)
    with hosts_on(tmp_path, url, 2) as storm:
        storm.put_all([any_job(storm.ledger, rng) for _ in range(150)])
        for host in storm.hosts:
            storm.start_pool(2, host=host)
        cuts = 0
        with psycopg.connect(parse_address(url).conninfo, autocommit=True) as ruler:
            while cuts < 15 and storm.unfinished():
                storm.let_work_go_on(120)
                cuts += ruler.execute(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchone() != (0,)
        storm.drain(2)
        assert cuts >= 10
        assert wrong_of(storm) == []


@pytest.mark.parametrize("lease", [LEASE])
def test_a_worker_that_is_stopped_alone_keeps_its_job_past_its_lease(tmp_path: Path, url: str, lease: float) -> None:
    with hosts_on(tmp_path, url, 2, lease=lease) as storm:
        pool = storm.start_pool(1, host=storm.hosts[1])
        job, gate = long_job(storm, pool)
        storm.start_pool(1)
        [worker] = storm.workers(pool)
        storm.strike(worker, signal.SIGSTOP)
        with psycopg.connect(parse_address(url).conninfo, autocommit=True) as ruler:
            # By the server's clock a lease and a half passes.
            ruler.execute("SELECT pg_sleep(%s)", (lease * 1.5,))
        assert outcomes(storm, job) == [None]
        storm.strike(worker, signal.SIGCONT)
        gate.touch()
        storm.drain(1)
        assert outcomes(storm, job) == [Outcome.COMPLETED]
        assert wrong_of(storm) == []
