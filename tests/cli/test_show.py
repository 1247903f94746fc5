"""`queuectl show`."""

from __future__ import annotations

from queuectl_core.model.job import Outcome
from tests.cli.line import CommandLine
from tests.cli.test_list import FIELDS
from tests.store.acts import ended, put, started
from tests.store.engines import Engine

RUN_FIELDS = [
    "attempt",
    "outcome",
    "exit_code",
    "signal",
    "error",
    "started_at",
    "finished_at",
    "duration",
    "worker",
    "output_bytes",
]


def test_json_is_the_job_with_its_environment_and_history(queuectl: CommandLine, store: Engine) -> None:
    put(store, id="a", env={"TOKEN": "secret"})
    run = started(store)
    store.clock.now += 1500
    ended(store, run, Outcome.FAILED, exit_code=None, signal=9, error="killed", duration_ms=1500, output_bytes=7)

    job = queuectl.json("show", "a")

    assert list(job) == [*FIELDS, "env", "history"]
    assert job["env"] == ["TOKEN"]
    [attempt] = job["history"]
    assert list(attempt) == RUN_FIELDS
    assert (attempt["attempt"], attempt["outcome"], attempt["signal"]) == (1, "failed", 9)
    assert (attempt["duration"], attempt["output_bytes"], attempt["worker"]) == (1.5, 7, "pool-1")


def test_a_run_that_goes_on_has_no_outcome(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    started(store)

    [attempt] = queuectl.json("show", "1")["history"]

    assert (attempt["outcome"], attempt["finished_at"], attempt["duration"]) == (None, None, None)


def test_values_of_the_environment_are_shown_on_request_alone(queuectl: CommandLine, store: Engine) -> None:
    put(store, env={"TOKEN": "secret"})

    assert "secret" not in queuectl("show", "1").out
    assert "TOKEN=secret" in queuectl("show", "1", "--values").out
    assert queuectl.json("show", "1", "--values")["env"] == {"TOKEN": "secret"}


def test_a_pipe_gets_a_fact_a_line_and_a_run_a_line(queuectl: CommandLine, store: Engine) -> None:
    put(store, "echo \x1b[2J", id="a")
    ended(store, started(store))

    lines = queuectl("show", "a").out.splitlines()

    assert lines[:3] == ["id\ta", "command\techo \\x1b[2J", "state\tcompleted"]
    assert lines[-1].split("\t")[:3] == ["1", "completed", "exit 0"]


def test_a_job_is_found_by_its_number_unless_it_has_a_name(queuectl: CommandLine, store: Engine) -> None:
    put(store, id="a")
    put(store)

    assert queuectl.json("show", "2")["id"] == "2"
    for unknown in ("1", "3", "nope", "9" * 50, "../etc", ""):
        ran = queuectl("show", unknown)
        assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
