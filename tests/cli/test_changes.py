"""`queuectl cancel`, `retry`, `delete`, `edit` and `purge`."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.jobs import count_matching, find
from tests.cli.line import CommandLine, program
from tests.cli.test_logs import ran as wrote
from tests.store.acts import dead, ended, look, put, ran, started
from tests.store.engines import Engine


def cancelled(store: Engine, home: Home, outcome: Outcome) -> tuple[int, str, str]:
    """What cancelling a running job says, where its run ends so; it is held by a worker that lives."""
    put(store, id="a")
    run = started(store)
    with closing(Hold(home, "pool-1")):
        command = subprocess.Popen(
            program(home, "cancel", "a"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while not store.run(processing())[0].job.cancelling:
            assert command.poll() is None
        ended(store, run, outcome)
        out, err = command.communicate(timeout=30)
    return command.returncode, out, err


def test_waiting_jobs_are_cancelled_at_once(queuectl: CommandLine, store: Engine) -> None:
    put(store, id="a")
    put(store)

    assert queuectl("cancel", "a", "2", "a") == (0, "a\n2\n", "")
    assert store.run(count_matching([JobState.CANCELLED])) == 2


def test_a_running_job_whose_worker_died_is_cancelled_all_the_same(queuectl: CommandLine, store: Engine) -> None:
    put(store, id="a")
    run = started(store)

    assert queuectl("cancel", "a") == (0, "a\n", "")
    assert look(store, run.job).state is JobState.CANCELLED


def test_an_ended_job_cannot_be_cancelled_and_the_others_stay(queuectl: CommandLine, store: Engine) -> None:
    done = ran(store)
    put(store, id="b")

    refused = queuectl("cancel", "b", done.id)

    assert (refused.status, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert queuectl.json("show", "b")["state"] == "pending"


def test_ended_jobs_are_sent_back(queuectl: CommandLine, store: Engine) -> None:
    job = dead(store)

    assert queuectl("retry", job.id) == (0, f"{job.id}\n", "")

    again = look(store, job)
    assert (again.state, again.attempts) == (JobState.PENDING, 0)
    assert queuectl("retry", job.id).status == 1


def test_a_deleted_job_is_gone_with_its_logs(home: Home, queuectl: CommandLine, store: Engine) -> None:
    job = wrote(home, store, b"output")

    assert queuectl("delete", job.id) == (0, f"{job.id}\n", "")

    assert not Path(home.log(job.number, 1)).exists()
    assert queuectl("show", job.id).status == 1


def test_a_job_that_has_not_ended_is_not_deleted(queuectl: CommandLine, store: Engine) -> None:
    done = ran(store)
    put(store, id="b")

    assert queuectl("delete", done.id, "b").status == 1
    assert store.run(count_matching()) == 2


@pytest.mark.parametrize("command", ["cancel", "retry", "delete"])
def test_ids_are_needed_and_all_must_be_known(queuectl: CommandLine, store: Engine, command: str) -> None:
    assert queuectl(command).status == 2
    assert queuectl(command, "nope").status == 1


def test_an_edit_changes_what_it_names_and_no_more(queuectl: CommandLine, store: Engine) -> None:
    put(store, "old", id="a", priority=3, timeout=60, env={"A": "1"})

    assert queuectl("edit", "a", "--queue", "q", "--max-retries=9", "--", "new", "word") == (0, "a\n", "")
    assert queuectl("edit", "a", "--timeout", "none", "--delay", "1h", "--env", "B=2").status == 0

    [job] = store.run(find(["a"]))
    assert (job.command, job.queue, job.max_retries, job.priority) == (("new", "word"), "q", 9, 3)
    assert (job.timeout_ms, job.env) == (None, {"B": "2"})
    assert job.due > store.clock.now + 3_000_000

    queuectl("edit", "a", "--delay", "0")
    assert store.run(find(["a"]))[0].due < store.clock.now + 3_000_000


@pytest.mark.parametrize(
    "arguments",
    [[], ["--priority", "x"], ["--timeout", "0"], ["--delay", "1", "--at", "09:30"], ["--env", "A"], ["--"],
     ["--id", "b"], ["--cwd", ""]],
)  # fmt: skip
def test_an_edit_that_cannot_be_meant_is_refused(queuectl: CommandLine, store: Engine, arguments: list[str]) -> None:
    before = put(store, id="a")

    refused = queuectl("edit", "a", *arguments)

    assert (refused.status, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert look(store, before) == before


def test_a_running_job_is_not_edited(queuectl: CommandLine, store: Engine) -> None:
    put(store, id="a")
    started(store)

    assert queuectl("edit", "a", "--priority", "1").status == 1


def test_a_purge_forgets_ended_jobs_and_says_how_many(home: Home, queuectl: CommandLine, store: Engine) -> None:
    first = wrote(home, store, b"output")
    ran(store, queue="q")
    kept = dead(store)

    assert queuectl("purge", "--state", "completed", "--older-than", "1d", "--yes").out == "0\n"
    assert queuectl("purge", "--state", "completed", "--queue", "q", "--yes").out == "1\n"
    assert queuectl("purge", "--state", "completed", "--state", "cancelled", "-y") == (0, "1\n", "")

    assert not Path(home.log(first.number, 1)).exists()
    assert look(store, kept) == kept


def test_a_purge_goes_on_until_none_is_left(
    queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuectl_core.cli.purge.CHUNK", 2)
    for _ in range(5):
        ran(store)

    assert queuectl("purge", "--state", "completed", "--yes").out == "5\n"


@pytest.mark.parametrize(
    "arguments",
    [["--state", "completed"], ["--yes"], ["--state", "pending", "--yes"], ["--state", "x", "--yes"],
     ["--state", "dead", "--older-than", "-1", "--yes"]],
)  # fmt: skip
def test_a_purge_needs_an_ended_state_and_an_answer(queuectl: CommandLine, store: Engine, arguments: list[str]) -> None:
    ran(store)

    refused = queuectl("purge", *arguments)

    assert (refused.status, refused.out, refused.err.count("\n")) == (2, "", 1)
    assert store.run(count_matching()) == 1


def test_a_running_job_is_cancelled_once_its_run_has_ended(home: Home, store: Engine) -> None:
    assert cancelled(store, home, Outcome.CANCELLED) == (0, "a\n", "")


def test_a_job_that_completes_first_is_told_of(home: Home, store: Engine) -> None:
    status, out, err = cancelled(store, home, Outcome.COMPLETED)

    assert (status, out) == (1, "")
    assert err.startswith("queuectl: job a is completed: ")
