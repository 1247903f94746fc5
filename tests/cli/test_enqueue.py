"""`queuectl enqueue`: one job, as JSON or by options."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime

import pytest

from queuectl_core.model.job import Job
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.jobs import find
from tests.cli.line import CommandLine, run_program
from tests.store.engines import Engine

NOTE = "queuectl: no worker runs: start one with 'queuectl worker start'\n"


def stored(store: Engine, job_id: str = "1") -> Job:
    [job] = store.run(find([job_id]))
    return job


def test_a_job_as_json_is_stored_and_its_id_alone_printed(queuectl: CommandLine, store: Engine) -> None:
    assert queuectl("enqueue", '{"command": "echo hi", "id": "greet", "queue": "mail"}') == (
        0,
        "greet\n",
        NOTE,
    )

    job = stored(store, "greet")
    assert (job.command, job.queue, job.state, job.max_retries) == ("echo hi", "mail", "pending", 3)


def test_one_word_after_the_dashes_is_a_line_for_the_shell(queuectl: CommandLine, store: Engine) -> None:
    assert queuectl("enqueue", "--", "echo $HOME | wc").out == "1\n"

    assert stored(store).command == "echo $HOME | wc"


def test_several_words_are_run_as_they_are(queuectl: CommandLine, store: Engine) -> None:
    queuectl("enqueue", "--", "printf", "%s", "a b", "--help", "--")

    assert stored(store).command == ("printf", "%s", "a b", "--help", "--")


def test_every_option_describes_the_job(queuectl: CommandLine, store: Engine) -> None:
    options = ["--id=a", "--queue", "q", "--priority=-7", "--at=2999-01-01T00:00:00Z", "--max-retries", "9"]
    more = ["--timeout", "1m30s", "--cwd", "/tmp", "--env", "A=1", "--env", "B=x=y"]

    assert queuectl("enqueue", *options, *more, "--", "true").out == "a\n"

    job = stored(store, "a")
    assert (job.queue, job.priority, job.max_retries, job.timeout_ms) == ("q", -7, 9, 90_000)
    assert (job.cwd, job.env) == ("/tmp", {"A": "1", "B": "x=y"})
    assert job.due == round(datetime(2999, 1, 1, tzinfo=UTC).timestamp() * 1000)


def test_underscores_in_option_names_are_dashes(queuectl: CommandLine, store: Engine) -> None:
    assert queuectl("enqueue", "--max_retries", "0", "--", "echo a_b").status == 0

    assert (stored(store).max_retries, stored(store).command) == (0, "echo a_b")


def test_a_delay_counts_from_now(queuectl: CommandLine, store: Engine) -> None:
    queuectl("enqueue", "--delay", "1h", "--", "true")

    job = stored(store)
    assert job.due - job.created_at == 3_600_000


def test_a_job_runs_where_it_was_enqueued(queuectl: CommandLine, store: Engine) -> None:
    queuectl("enqueue", "--cwd", "sub", "--", "true")
    queuectl("enqueue", "--", "true")

    assert stored(store, "1").cwd == os.path.join(os.getcwd(), "sub")
    assert stored(store, "2").cwd == os.getcwd()


GONE = "the current directory is gone: change to another, or name one by its whole path\n"


@pytest.mark.usefixtures("_gone")
@pytest.mark.parametrize("words", [["--cwd", "/tmp", "--", "true"], ['{"command": "true", "cwd": "/tmp"}']])
def test_a_job_with_a_whole_path_needs_no_current_directory(
    queuectl: CommandLine, store: Engine, words: list[str]
) -> None:
    assert queuectl("enqueue", *words) == (0, "1\n", NOTE)
    assert queuectl("edit", "1", "--cwd", "/usr").status == 0

    assert stored(store).cwd == "/usr"


@pytest.mark.usefixtures("_gone")
@pytest.mark.parametrize("words", [["--cwd", "sub"], []])
def test_a_job_that_would_run_in_a_current_directory_that_is_gone_is_refused(
    queuectl: CommandLine, store: Engine, words: list[str]
) -> None:
    assert queuectl("enqueue", *words, "--", "true") == (2, "", f"queuectl: cwd: {GONE}")


def test_the_home_may_be_named_after_the_command(queuectl: CommandLine, home: Home, store: Engine) -> None:
    assert run_program(home, "enqueue", "--home", home.path, "--", "true").out == "1\n"
    assert stored(store).command == "true"


def test_a_taken_id_is_refused_with_status_1(queuectl: CommandLine, store: Engine) -> None:
    queuectl("enqueue", "--id", "a", "--", "true")

    ran = queuectl("enqueue", "--id", "a", "--", "false")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("queuectl: id 'a' is taken: ")
    assert stored(store, "a").command == "true"


@pytest.mark.parametrize("fields", ['"state": "pending"', '"attempts": 0', '"created_at": "x", "updated_at": 1'])
def test_what_old_job_files_carry_is_tolerated(queuectl: CommandLine, fields: str) -> None:
    assert queuectl("enqueue", f'{{"command": "true", {fields}}}').out == "1\n"


def test_a_job_is_stored_though_nobody_can_be_looked_for(
    queuectl: CommandLine, store: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_home: object) -> bool:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("queuectl_core.execution.locks.any_worker", refuse)

    ran = queuectl("enqueue", "--", "true")

    assert (ran.status, ran.out, ran.err) == (0, "1\n", "")
