"""`queuectl wait`."""

from __future__ import annotations

import signal
import subprocess

import pytest

from queuectl_core.model.job import Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import cancel
from tests.cli.line import CommandLine, once_it_looks, program
from tests.store.acts import dead, ended, put, started
from tests.store.engines import Engine


def test_all_completed_is_status_0_and_nothing_said(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    ended(store, started(store))

    assert queuectl("wait", "1", "1") == (0, "", "")


def test_a_dead_or_cancelled_job_has_ended_too_but_is_status_1(queuectl: CommandLine, store: Engine) -> None:
    lost = dead(store)
    put(store, id="b")
    store.run(cancel(["b"]))

    ran = queuectl("wait", lost.id, "b")

    assert (ran.status, ran.out) == (1, "")
    assert "job b is cancelled" in ran.err


def test_it_waits_until_the_last_has_ended(home: Home, store: Engine) -> None:
    put(store)
    put(store)
    with subprocess.Popen(program(home, "wait", "1", "2", "--timeout", "30")) as waiter:
        once_it_looks(home, waiter)
        ended(store, started(store))
        assert waiter.poll() is None
        ended(store, started(store))

        assert waiter.wait(30) == 0


def test_a_failed_job_has_not_ended_while_it_waits_for_its_retry(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    ended(store, started(store), Outcome.FAILED)

    assert queuectl("wait", "1", "--timeout", "0").status == 124


def test_status_124_says_that_the_time_ran_out(queuectl: CommandLine, store: Engine) -> None:
    put(store)

    ran = queuectl("wait", "1", "--timeout", "100ms")

    assert (ran.status, ran.out) == (124, "")
    assert ran.err.splitlines() == [
        "queuectl: no worker runs: start one with 'queuectl worker start'",
        "queuectl: time ran out: 1 had not ended",
    ]


@pytest.mark.parametrize("arguments", [["1", "nope"], ["nope", "--timeout", "9"]])
def test_an_unknown_id_is_refused_at_once(queuectl: CommandLine, store: Engine, arguments: list[str]) -> None:
    put(store)

    ran = queuectl("wait", *arguments)

    assert (ran.status, ran.out, ran.err) == (1, "", "queuectl: no job 'nope': see 'queuectl list'\n")


@pytest.mark.parametrize("arguments", [[], ["1", "--timeout", "-1"], ["1", "--timeout", "soon"]])
def test_what_cannot_be_meant_is_refused(queuectl: CommandLine, store: Engine, arguments: list[str]) -> None:
    put(store)

    ran = queuectl("wait", *arguments)

    assert (ran.status, ran.err.count("\n")) == (2, 1)


def test_an_interrupt_is_status_130_and_one_line(home: Home, store: Engine) -> None:
    put(store)
    waiting = subprocess.Popen(
        program(home, "wait", "1"),
        stderr=subprocess.PIPE,
        text=True,
        # A shell has what it runs in the background ignore it, these tests perhaps, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert waiting.stderr is not None
        assert "no worker runs" in waiting.stderr.readline()  # it waits now
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=30)
    finally:
        waiting.kill()
    assert (waiting.returncode, said) == (130, "queuectl: interrupted\n")
