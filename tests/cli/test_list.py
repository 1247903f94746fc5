"""`queuectl list`."""

from __future__ import annotations

import subprocess

import pytest

from queuectl_core.model.job import NewJob, Outcome
from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, program
from tests.store.acts import ended, put, put_many, started
from tests.store.engines import Engine

FIELDS = [
    "id",
    "command",
    "state",
    "queue",
    "priority",
    "attempts",
    "max_retries",
    "created_at",
    "updated_at",
    "next_run_at",
    "started_at",
    "finished_at",
    "timeout",
    "cwd",
    "exit_code",
    "signal",
    "error",
    "worker",
]


def ids(listed: list[dict[str, object]]) -> list[object]:
    return [job["id"] for job in listed]


def test_json_is_an_array_of_jobs_with_these_fields(queuectl: CommandLine, store: Engine) -> None:
    put(store, "echo é\x9b", id="a", timeout=1.5)
    put(store, ("echo", "hi"))

    second, first = queuectl.json("list")

    assert list(first) == list(second) == FIELDS
    assert (first["id"], first["command"], first["timeout"]) == ("a", "echo é\x9b", 1.5)
    assert (second["id"], second["command"], second["timeout"]) == ("2", ["echo", "hi"], None)
    assert first["created_at"].endswith("Z")
    assert len(first["created_at"]) == len("2030-01-31T09:30:00.000Z")


def test_json_of_no_jobs_is_an_empty_array(queuectl: CommandLine) -> None:
    assert queuectl.json("list") == []


def test_a_pipe_gets_a_line_of_fields_the_id_first(queuectl: CommandLine, store: Engine) -> None:
    put(store, "echo a\tb\x1b[31m\nc", id="a")

    [line] = queuectl("list").out.splitlines()

    assert line.split("\t")[:4] == ["a", "pending", "default", "0/4"]
    assert line.endswith(r"echo a\tb\x1b[31m\nc")


def test_jobs_are_chosen_by_state_and_queue(queuectl: CommandLine, store: Engine) -> None:
    for queue in ("x", "y", "x"):
        put(store, queue=queue)
    ended(store, started(store, "y"))

    assert ids(queuectl.json("list", "--state", "pending")) == ["3", "1"]
    assert ids(queuectl.json("list", "--queue", "y")) == ["2"]
    assert ids(queuectl.json("list", "--state", "pending", "--state", "completed")) == ["3", "2", "1"]
    assert ids(queuectl.json("list", "--state", "completed,failed", "--queue", "y")) == ["2"]
    assert ids(queuectl.json("list", "--state", "dead")) == []


def test_the_newest_fifty_are_listed_and_the_rest_told_of(queuectl: CommandLine, store: Engine) -> None:
    put_many(store, *[NewJob("true")] * 60, batch=60)

    ran = queuectl("list")

    lines = ran.out.splitlines()
    assert (len(lines), lines[0].split("\t")[0]) == (50, "60")
    assert ran.err.startswith("queuectl: 10 more: ")
    assert len(queuectl("list", "--all").out.splitlines()) == 60
    assert len(queuectl("list", "--limit", "3").out.splitlines()) == 3
    assert len(queuectl.json("list")) == 60
    assert len(queuectl.json("list", "--limit", "7")) == 7


def test_all_come_where_they_fill_more_than_a_page(queuectl: CommandLine, store: Engine) -> None:
    put_many(store, *[NewJob("true")] * 2001, batch=500)

    assert ids(queuectl.json("list")) == [str(n) for n in range(2001, 0, -1)]
    assert len(queuectl.json("list", "--limit", "1500")) == 1500


@pytest.mark.parametrize(
    "arguments", [["--limit", "0"], ["--limit", "-1"], ["--limit", "x"], ["--limit", "1", "--all"],
                  ["--state", "waiting"], ["--state", ""], ["--queue", "a b"], ["extra"], ["--frob"]],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(queuectl: CommandLine, arguments: list[str]) -> None:
    ran = queuectl("list", *arguments)

    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)


def test_a_job_that_failed_says_how_and_when_it_runs_again(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    ended(store, started(store), Outcome.FAILED, exit_code=3, error="exit status 3")

    [job] = queuectl.json("list")

    assert (job["state"], job["exit_code"], job["signal"], job["attempts"]) == ("failed", 3, None, 1)
    assert job["next_run_at"] > job["started_at"]


def test_a_reader_that_goes_away_hears_nothing_of_it(home: Home, store: Engine) -> None:
    put_many(store, *[NewJob("x" * 200)] * 3000, batch=1000)
    command = subprocess.list2cmdline(program(home, "list", "--json"))

    ran = subprocess.run(
        ["bash", "-c", f"{command} | head -1; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (ran.stdout, ran.stderr) == ("[\n0\n", "")
