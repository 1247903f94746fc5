"""`queuectl worker start`, `stop` and `scale`, with real pools."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from queuectl_core.cli.worker import usual_count
from queuectl_core.execution.descriptors import NEEDED
from queuectl_core.execution.locks import alive
from queuectl_core.execution.pool_log import log_path
from queuectl_core.execution.processes import all_processes, is_stopped, send
from queuectl_core.execution.roster import living_pools
from queuectl_core.model.errors import StoreFull
from queuectl_core.model.job import JobState
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.gate import Gate
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Kind, Transaction
from queuectl_core.store.transactions.settings import set_setting
from tests.cli.line import CommandLine, at_terminal, program, run_program
from tests.execution.waiting import PATIENCE, eventually
from tests.store.acts import look, put
from tests.store.engines import Engine


@pytest.fixture
def detached(home: Home) -> Iterator[Callable[..., str]]:
    """Starts pools in the background, which are gone when the test is."""

    def start(*options: str) -> str:
        ran = run_program(home, "worker", "start", "--detach", *options)
        assert ran.status == 0, ran.err
        return ran.out.strip()

    yield start
    run_program(home, "worker", "stop", "--now")
    assert not alive(home)


def test_a_drained_pool_has_run_every_job_and_exits_0(home: Home, store: Engine) -> None:
    good, bad = put(store), put(store, "exit 3", max_retries=0)

    ran = run_program(home, "worker", "start", "--drain", "--count", "2")

    assert (ran.status, ran.out) == (0, "")
    assert (look(store, good).state, look(store, bad).state) == (JobState.COMPLETED, JobState.DEAD)
    assert f"job {bad.id} failed in" in ran.err
    assert f"job {good.id} completed in" in ran.err
    assert "\x1b" not in ran.err


def test_only_the_queues_that_are_named_are_served(home: Home, store: Engine) -> None:
    mine, other = put(store, queue="mine"), put(store, queue="other")

    run_program(home, "worker", "start", "--drain", "--queue", "mine")

    assert (look(store, mine).state, look(store, other).state) == (JobState.COMPLETED, JobState.PENDING)


def test_events_are_json_where_that_is_asked_for(home: Home, store: Engine) -> None:
    put(store, "exit 3", max_retries=0)

    ran = run_program(home, "worker", "start", "--drain", "--count", "1", "--log-format", "json")
    events = [json.loads(line) for line in ran.err.splitlines()]

    assert [event["outcome"] for event in events if event["event"] == "ended"] == ["failed"]
    assert all(event["at"].endswith("Z") for event in events)


def test_a_reader_of_events_that_has_gone_stops_no_job(home: Home, store: Engine) -> None:
    job = put(store)
    with subprocess.Popen(program(home, "worker", "start", "--drain"), stderr=subprocess.PIPE) as pool:
        assert pool.stderr is not None
        pool.stderr.close()
        assert pool.wait(PATIENCE) == 0

    assert look(store, job).state is JobState.COMPLETED


def test_a_pool_in_the_background_gives_its_id_once_it_has_workers(
    queuectl: CommandLine, detached: Callable[..., str]
) -> None:
    pool = detached("--count", "2")

    # They are started; on the roster each is a moment later.
    eventually(lambda: len(queuectl.json("worker", "list")) == 2, what="both are listed")
    assert {worker["pool"] for worker in queuectl.json("worker", "list")} == {pool}


def test_a_pool_in_the_background_has_left_session_terminal_and_pipes(
    home: Home, store: Engine, detached: Callable[..., str]
) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    ran = subprocess.run(
        program(home, "worker", "start", "--detach"),
        pass_fds=[writer],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    os.close(writer)
    job = put(store)

    assert ran.stdout.strip() in alive(home)
    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b"", "the pool holds a pipe of whoever started it"
    log = f"{home.logs}/pool.log"
    eventually(lambda: f"job {job.id} completed" in Path(log).read_text())
    assert stat.S_IMODE(os.stat(log).st_mode) == 0o600
    os.close(reader)


def test_a_start_in_the_background_that_fails_says_why_and_exits_so(home: Home) -> None:
    os.mkdir(home.path, 0o700)
    with open(home.database, "wb") as file:
        file.write(b"this is a letter, not a database" * 100)

    ran = run_program(home, "worker", "start", "--detach")

    assert (ran.status, ran.out) == (1, "")
    assert "not a queuectl store" in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.fixture
def _ended(home: Home) -> Iterator[None]:
    """Whatever was started on the home, and can be told nothing, is ended."""
    yield
    for process in all_processes():
        with suppress(OSError):  # gone meanwhile
            if home.path.encode() in Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0"):
                send(process, signal.SIGKILL)


@pytest.mark.usefixtures("_ended")
@pytest.mark.parametrize("options", [[], ["--detach"]])
@pytest.mark.parametrize("files", [8, 20, 38])
def test_a_start_without_descriptors_for_a_pool_is_refused_in_one_line(
    home: Home, store: Engine, options: list[str], files: int
) -> None:
    before = sorted(os.listdir(home.run))

    ran = subprocess.run(
        program(home, "worker", "start", *options),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    told = r"queuectl: only \d+ more files may be opened here, and a pool needs 36: raise 'ulimit -n'\n"
    assert re.fullmatch(told, ran.stderr)
    assert sorted(os.listdir(home.run)) == before


FEW = NEEDED + 4
"""With the standard streams, and the one that commands read from."""


def test_a_pool_starts_with_as_few_descriptors_as_are_said_to_be_needed(home: Home, store: Engine) -> None:
    jobs = [put(store) for _ in range(5)]

    ran = subprocess.run(
        program(home, "worker", "start", "--drain", "--count", "1"),
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW, FEW)),
    )

    assert ran.returncode == 0, ran.stderr
    assert {look(store, job).state for job in jobs} == {JobState.COMPLETED}
    assert "open files" not in ran.stderr


def test_stop_lets_what_runs_finish_and_returns_when_the_pool_is_gone(
    queuectl: CommandLine, store: Engine, detached: Callable[..., str]
) -> None:
    job = put(store, "sleep 0.5")
    pool = detached("--count", "1")
    eventually(lambda: look(store, job).state is JobState.PROCESSING)

    assert queuectl("worker", "stop", "--pool", pool).status == 0

    assert look(store, job).state is JobState.COMPLETED
    assert not alive(queuectl.home)


def test_a_pool_that_has_only_just_been_started_is_stopped_too(queuectl: CommandLine, store: Engine) -> None:
    home = queuectl.home
    gate = Gate(home, PATIENCE)
    gate.enter()  # So that no pool gets onto the roster.
    with subprocess.Popen(program(home, "worker", "start"), stderr=subprocess.DEVNULL) as pool:
        eventually(lambda: alive(home), what="the pool has begun")
        opening = threading.Timer(0.3, gate.close)
        opening.start()

        try:
            assert queuectl("worker", "stop").status == 0
            assert pool.wait(PATIENCE) == 0
        finally:
            opening.join()
            pool.terminate()
    assert not alive(home)


@pytest.mark.parametrize("how", [("--now",), ("--timeout", "0.2")])
def test_a_stop_that_does_not_wait_releases_what_runs_uncharged(
    queuectl: CommandLine, store: Engine, detached: Callable[..., str], how: tuple[str, ...]
) -> None:
    job = put(store, "sleep 60")
    detached("--count", "1")
    eventually(lambda: look(store, job).state is JobState.PROCESSING)

    assert queuectl("worker", "stop", *how).status == 0

    found = look(store, job)
    assert (found.state, found.attempts) == (JobState.PENDING, 0)
    assert not alive(queuectl.home)


@pytest.mark.parametrize("how", [(), ("--now",), ("--timeout", "0.2")])
def test_a_pool_is_stopped_too_where_the_disk_has_no_room_for_the_order(
    queuectl: CommandLine,
    store: Engine,
    detached: Callable[..., str],
    how: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = put(store, "sleep 60" if how else "sleep 0.5")
    detached("--count", "1")
    eventually(lambda: look(store, job).state is JobState.PROCESSING)
    run = SqliteStore.run

    def full(opened: SqliteStore, transaction: Transaction[object]) -> object:
        if transaction.kind is not Kind.READ:
            raise StoreFull("no room is left", "free some space")
        return run(opened, transaction)

    monkeypatch.setattr(SqliteStore, "run", full)
    assert queuectl("worker", "stop", *how).status == 0

    assert not alive(queuectl.home)
    assert look(store, job).state is (JobState.PENDING if how else JobState.COMPLETED)


def test_a_pool_that_is_stopped_is_named_to_who_would_tell_it_something(
    queuectl: CommandLine, detached: Callable[..., str]
) -> None:
    pool = detached("--count", "1")
    with SqliteStore(queuectl.home) as store:
        [pid] = [found.pid for found in living_pools(store)]
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: is_stopped(pid), what="it is stopped")
    said = f"pool {pool} is stopped and hears nothing"
    try:
        assert said in queuectl("worker", "scale", "2").err
        assert said in queuectl("doctor").out
        stopping = subprocess.Popen(program(queuectl.home, "worker", "stop"), stderr=subprocess.PIPE, text=True)
        with stopping:
            assert stopping.stderr is not None
            assert f"{said} until 'kill -CONT {pid}'" in stopping.stderr.readline()
            os.kill(pid, signal.SIGCONT)
            assert stopping.wait(PATIENCE) == 0
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


HOMELESS = """
import errno, os, sys
from queuectl_core.cli.main import main
from queuectl_core.execution import pool
def refuse(home, name):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), home.lock(name))
pool.Hold = refuse
main()
"""
"""Starts a pool whose lock file finds no room."""


@pytest.mark.parametrize("options", [[], ["--detach"]])
def test_a_start_that_finds_no_room_for_its_lock_says_so_in_one_line(
    home: Home, store: Engine, options: list[str]
) -> None:
    command = [sys.executable, "-c", HOMELESS, "--home", home.path, "worker", "start", *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert re.fullmatch(rf"queuectl: cannot use {home.run}\S+: No space left on device: free .*\n", ran.stderr)
    if options:
        assert "Traceback" not in Path(log_path(home)).read_text()


def test_a_pool_is_scaled_up_and_down(queuectl: CommandLine, detached: Callable[..., str]) -> None:
    detached("--count", "1")

    assert queuectl("worker", "scale", "3").status == 0
    eventually(lambda: len(queuectl.json("worker", "list")) == 3)

    assert queuectl("worker", "scale", "1").status == 0
    eventually(lambda: len(queuectl.json("worker", "list")) == 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_pool_in_the_foreground_drains_on_its_first_signal(home: Home, store: Engine, number: signal.Signals) -> None:
    job = put(store, "sleep 0.3")
    with subprocess.Popen(program(home, "worker", "start", "--count", "1"), stderr=subprocess.DEVNULL) as pool:
        eventually(lambda: look(store, job).state is JobState.PROCESSING)
        pool.send_signal(number)
        assert pool.wait(PATIENCE) == 0

    assert look(store, job).state is JobState.COMPLETED


def test_how_many_workers_is_a_setting_or_else_one_a_core(home: Home, store: Engine) -> None:
    assert usual_count(home) == len(os.sched_getaffinity(0))

    store.run(set_setting("workers", "3"))

    assert usual_count(home) == 3


def test_a_person_sees_events_in_colour(home: Home, store: Engine) -> None:
    put(store, "exit 3", max_retries=0)

    shown = at_terminal(home, "worker", "start", "--drain", "--count", "1")

    assert shown.status == 0
    assert "\x1b[1;31mjob 1 failed in" in shown.out
    assert "\x1b" not in at_terminal(home, "worker", "start", "--drain", TERM="dumb").out
