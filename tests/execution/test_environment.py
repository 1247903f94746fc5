"""What commands see in their environment, and what one of them never sees of another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from queuectl_core.execution.environment import Environment
from queuectl_core.execution.processes import TOKEN_NAME
from queuectl_core.model.job import Job, JobState
from tests.execution.pools import LiveQueue


def job(env: Mapping[str, str]) -> Job:
    """A claimed job with an environment; its other facts do not matter here."""
    return Job(
        7, "a-name", "true", JobState.PROCESSING, "mail", 0, 1, 3, 0, None, "/", env, 0, 0, 0,
        None, None, None, None, "pool-1", 2, False,
    )  # fmt: skip


def seen_by(queue: LiveQueue, job_id: str, attempt: int = 1) -> dict[str, str]:
    """The environment of a run of the command `env`."""
    lines = queue.output(job_id, attempt).decode().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_the_environment_is_the_workers_then_the_jobs_then_who_the_job_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"KEPT", b"by \xff the worker")
    monkeypatch.setitem(os.environb, b"LANG", b"C")
    seen = Environment("/the/home").of(job({"LANG": "de", "OWN": "ünïcode", "QUEUECTL_JOB_ID": "a lie"}), "the-token")
    assert seen is not None
    assert seen == {
        **os.environb,
        b"PWD": b"/",
        b"LANG": b"de",
        b"OWN": "ünïcode".encode(),
        b"QUEUECTL_JOB_ID": b"a-name",
        b"QUEUECTL_ATTEMPT": b"2",
        b"QUEUECTL_QUEUE": b"mail",
        b"QUEUECTL_HOME": b"/the/home",
        TOKEN_NAME.encode(): b"the-token",
    }
    assert os.environb[b"LANG"] == b"C"


def test_a_job_cannot_say_which_run_it_is() -> None:
    seen = Environment("/the/home").of(job({TOKEN_NAME: "a lie"}), "the-token")
    assert seen is not None
    assert seen[TOKEN_NAME.encode()] == b"the-token"


def test_a_command_sees_the_environment_of_its_worker_its_job_and_who_it_is(queue: LiveQueue) -> None:
    job_id = queue.put("env", id="a-name", queue="mail", env={"COLOUR": "red", "OWN": "1"})
    queue.drained(environment={"COLOUR": "blue", "SHARED": "yes", "QUEUECTL_JOB_ID": "of another queue"})
    seen = seen_by(queue, job_id)
    wanted = {
        "COLOUR": "red",
        "OWN": "1",
        "SHARED": "yes",
        "QUEUECTL_JOB_ID": "a-name",
        "QUEUECTL_ATTEMPT": "1",
        "QUEUECTL_QUEUE": "mail",
        "QUEUECTL_HOME": queue.home.path,
    }
    assert {name: seen[name] for name in wanted} == wanted
    assert seen["PATH"] == os.environ["PATH"]


def test_the_longest_variable_that_is_taken_reaches_its_command(queue: LiveQueue) -> None:
    job = queue.put("echo ${#LONG}", env={"LONG": "x" * (131_071 - len("LONG="))})
    queue.drained()

    assert queue.output(job) == b"131066\n"


def test_a_command_without_a_shell_is_told_its_own_directory(queue: LiveQueue, tmp_path: Path) -> None:
    job_id = queue.put(("env",), cwd=str(tmp_path))
    queue.drained(environment={"PWD": "/of/the/worker"})
    assert seen_by(queue, job_id)["PWD"] == str(tmp_path)


def test_each_run_sees_who_it_is_and_nothing_of_the_run_before(queue: LiveQueue) -> None:
    queue.set(backoff_max=0)
    first = queue.put("env", id="first", env={"COLOUR": "red", "PATH": "/bin:/usr/bin:/nowhere"})
    second = queue.put("env", id="second", queue="mail")
    third = queue.put("env; test $QUEUECTL_ATTEMPT -eq 2", id="third")
    queue.drained()
    runs = [seen_by(queue, first), seen_by(queue, second), seen_by(queue, third), seen_by(queue, third, 2)]
    assert [(run["QUEUECTL_JOB_ID"], run["QUEUECTL_ATTEMPT"], run["QUEUECTL_QUEUE"]) for run in runs] == [
        ("first", "1", "default"),
        ("second", "1", "mail"),
        ("third", "1", "default"),
        ("third", "2", "default"),
    ]
    assert ["COLOUR" in run for run in runs] == [True, False, False, False]
    assert [run["PATH"] == os.environ["PATH"] for run in runs] == [False, True, True, True]
    assert len({run[TOKEN_NAME] for run in runs}) == 4
