"""`queuectl logs` where several hosts share a queue: log files stay where the jobs ran."""

from __future__ import annotations

import os
import select
import socket
from pathlib import Path
from typing import IO

import psutil

from queuectl_core.execution.processes import look_at
from tests.cli.hosts import Host, hosts, lines
from tests.execution.waiting import PATIENCE, eventually
from tests.postgres.fixtures import postgres

__all__ = ["hosts", "postgres"]

KEPT = 64 * 1024


def whole_log_of(host: Host, number: int, attempt: int = 1) -> str:
    return f"the whole log is on {socket.gethostname()} in {host.home.log(number, attempt)}"


def in_place_of_a_log(host: Host, number: int, content: str) -> None:
    """A file that an earlier queue of this home left, with the number of a run that was elsewhere."""
    path = Path(host.home.log(number, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def first_line(stream: IO[str] | None) -> str:
    """What a program says first."""
    assert stream is not None
    ready, _, _ = select.select([stream], [], [], PATIENCE)
    assert ready, "it says something"
    return stream.readline()


def go(gate: Path) -> None:
    """Let the job that reads from the gate go on. Where none does, this fails, and does not hang."""
    handle = os.open(gate, os.O_RDWR | os.O_NONBLOCK)
    os.write(handle, b"go\n")
    eventually(lambda: not select.select([handle], [], [], 0)[0], what="the job has read it")
    os.close(handle)


def test_where_a_job_ran_its_whole_log_is_shown(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    here.enqueue(*lines(2000))
    here.drain()

    shown = here("logs", "1")

    assert (shown.status, shown.err) == (0, "")
    assert len(shown.out) == 200_000


def test_elsewhere_the_end_is_shown_and_where_the_whole_log_is(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue(*lines(2000))
    there.drain()
    whole = Path(there.home.log(1, 1)).read_text()

    for options in ((), ("--follow",), ("--attempt", "1")):
        shown = here("logs", "1", *options)
        assert (shown.status, shown.out) == (0, whole[-KEPT:]), options
        assert shown.err == f"queuectl: run 1: this is the end of the output; {whole_log_of(there, 1)}\n"
    assert here("logs", "1", "-n", "3").out == "".join(whole.splitlines(keepends=True)[-3:])


def test_an_output_that_is_stored_whole_is_shown_without_a_word(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue("echo out; echo err >&2")
    here.enqueue("true")
    there.drain()

    assert here.done("logs", "1") == here.done("logs", "1", "-f") == "out\nerr\n"
    assert here.done("logs", "2") == ""


def test_a_file_of_this_home_is_not_taken_for_the_log_of_a_run_elsewhere(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue("echo right")
    there.drain()
    in_place_of_a_log(here, 1, "wrong\n")

    assert here.done("logs", "1") == here.done("logs", "1", "-f") == "right\n"
    assert there.done("logs", "1") == "right\n"


def test_where_the_file_is_gone_on_its_own_host_the_end_is_shown(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    here.enqueue("echo kept")
    here.drain()
    os.unlink(here.home.log(1, 1))

    shown = here("logs", "1")

    assert (shown.out, shown.err.count("\n")) == ("kept\n", 1)
    assert "the log file of run 1 is gone" in shown.err


def test_each_run_is_looked_for_where_it_was(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.enqueue('echo in "$QUEUECTL_HOME"; exit 1', max_retries="0")
    there.drain()
    here.done("dlq", "retry", "1")
    here.drain()

    assert here.done("logs", "1", "--follow") == f"in {here.home.path}\n"
    assert here.done("logs", "1", "--attempt", "1") == f"in {there.home.path}\n"
    assert there.done("logs", "1") == f"in {here.home.path}\n"


def test_a_run_that_goes_on_elsewhere_is_awaited_and_its_end_shown(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    here, there = hosts
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    here.enqueue(f"echo begun; read x < {gate}; echo ended")
    with there.working():
        eventually(lambda: here.runs("1"), what="the job runs")
        in_place_of_a_log(here, 1, "wrong\n")

        now = here("logs", "1")
        with here.process("logs", "1", "--follow") as follower:
            told = first_line(follower.stderr)
            go(gate)
            out, rest = follower.communicate(timeout=PATIENCE)

    expected = f"queuectl: run 1: it runs on {socket.gethostname()}: its output is stored when it has ended\n"
    assert (now.status, now.out, now.err) == (0, "", expected)
    assert (told, out, rest, follower.returncode) == (expected, "begun\nended\n", "", 0)


def test_a_run_that_was_lost_with_its_host_says_where_its_log_may_be(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    here, there = hosts
    for key, value in (("lease", "3s"), ("heartbeat", "0.5s")):
        here.done("config", "set", key, value)
    pid = tmp_path / "pid"
    here.enqueue(f"echo something; echo $$ > {pid}; exec sleep 600", max_retries="0")
    with there.working() as pool:
        command = int(eventually(lambda: pid.read_text().strip() if pid.exists() else None, what="the command runs"))
        kill_all_but(command, pool.pid)
        pool.wait(PATIENCE)
        with here.working():
            eventually(lambda: here.json("show", "1")["state"] == "dead", what="the job is given up")
        shown = here("logs", "1")
        repaired = there("doctor", "--repair").out

    assert (shown.status, shown.out) == (0, "")
    assert shown.err == f"queuectl: run 1: none of the output is stored; {whole_log_of(there, 1)}\n"
    assert "ended what was left of 1 run" in repaired
    left = look_at(command)
    assert left is None or left.zombie


def kill_all_but(command: int, pool: int) -> None:
    """Kill a pool and its processes by force and at once, and leave what a job runs."""
    family = psutil.Process(pool)
    condemned = [one for one in (family, *family.children(recursive=True)) if one.pid != command]
    for process in condemned:
        process.suspend()  # Else one that is killed last might see to what another has left.
    for process in condemned:
        process.kill()
