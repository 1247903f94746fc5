"""`queuectl logs`."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import pytest

from queuectl_core.cli.log_reading import BLOCK, skip_to_last
from queuectl_core.cli.logs import _follow_run
from queuectl_core.model.job import Job, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from tests.cli.line import CommandLine, once_it_looks, program, run_program
from tests.store.acts import Run, ended, put, started
from tests.store.engines import Engine


def write(home: Home, job: Job, content: bytes, attempt: int = 1) -> Path:
    path = Path(home.log(job.number, attempt))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)
    return path


def ran(home: Home, store: Engine, content: bytes, outcome: Outcome = Outcome.COMPLETED) -> Job:
    """A job whose one run wrote this."""
    put(store)
    run = started(store)
    write(home, run.job, content)
    return ended(store, run, outcome, output_bytes=len(content), tail=content[-4096:])


def test_a_pipe_gets_the_bytes_as_they_were(home: Home, store: Engine) -> None:
    content = b"a\x1b[31m\xff\0\r\nno newline"
    ran(home, store, content)

    got = subprocess.run(program(home, "logs", "1"), capture_output=True, timeout=60, check=False)

    assert (got.returncode, got.stdout, got.stderr) == (0, content, b"")


def test_the_latest_run_is_meant_unless_one_is_named(home: Home, queuectl: CommandLine, store: Engine) -> None:
    job = ran(home, store, b"one\n", Outcome.FAILED)
    store.clock.now += 60_000
    again = started(store)
    write(home, job, b"two\n", attempt=2)
    ended(store, again)

    assert queuectl("logs", "1").out == "two\n"
    assert queuectl("logs", "1", "--attempt", "1").out == "one\n"


def test_a_run_that_there_was_not_is_refused_with_status_1(queuectl: CommandLine, store: Engine) -> None:
    put(store)

    for attempt in ("1", "9" * 18):
        refused = queuectl("logs", "1", "--attempt", attempt)
        assert (refused.status, refused.out, refused.err.count("\n")) == (1, "", 1)
    assert queuectl("logs", "1", "--attempt", "0").status == 2
    assert queuectl("logs", "nope").status == 1


def test_a_job_that_has_not_run_has_no_output_and_says_so(queuectl: CommandLine, store: Engine) -> None:
    put(store)

    assert queuectl("logs", "1") == (0, "", "queuectl: job 1 has not run yet\n")


@pytest.mark.parametrize(
    ("content", "count", "left"),
    [
        (b"1\n2\n3\n", 2, b"2\n3\n"), (b"1\n2\n3", 2, b"2\n3"), (b"1\n2\n", 9, b"1\n2\n"), (b"", 3, b""),
        (b"\n\n\n", 2, b"\n\n"), (b"a" * BLOCK + b"\nb\n", 1, b"b\n"),
        (b"x\n" + b"a" * 3 * BLOCK, 1, b"a" * 3 * BLOCK),
        (b"y\n" * BLOCK, BLOCK - 1, b"y\n" * (BLOCK - 1)),
        (b"a" * (BLOCK - 1) + b"\n" + b"b" * BLOCK, 1, b"b" * BLOCK),
    ],
)  # fmt: skip
def test_the_last_lines_are_found_from_the_end(content: bytes, count: int, left: bytes) -> None:
    file = io.BytesIO(content)

    skip_to_last(file, count)

    assert file.read() == left


def test_only_the_last_lines_are_printed_where_asked(home: Home, queuectl: CommandLine, store: Engine) -> None:
    ran(home, store, b"1\n2\n3\n")

    assert queuectl("logs", "1", "-n", "2").out == "2\n3\n"
    assert queuectl("logs", "1", "-n", "0").status == 2


def test_where_the_file_is_gone_the_stored_end_is_printed(home: Home, queuectl: CommandLine, store: Engine) -> None:
    job = ran(home, store, b"kept\n")
    os.unlink(home.log(job.number, 1))

    printed = queuectl("logs", "1")

    assert (printed.status, printed.out) == (0, "kept\n")
    assert "the log file of run 1 is gone" in printed.err


def test_a_run_that_printed_nothing_needs_no_file(home: Home, queuectl: CommandLine, store: Engine) -> None:
    put(store)
    ended(store, started(store), output_bytes=0)
    assert not os.path.exists(home.log(1, 1))

    for options in ((), ("-f",), ("-n", "5")):
        assert queuectl("logs", "1", *options) == (0, "", "")


def test_a_link_in_place_of_a_log_is_not_followed(
    home: Home, queuectl: CommandLine, store: Engine, tmp_path: Path
) -> None:
    job = ran(home, store, b"kept\n")
    (tmp_path / "secret").write_text("secret")
    os.unlink(home.log(job.number, 1))
    os.symlink(tmp_path / "secret", home.log(job.number, 1))

    printed = queuectl("logs", "1")

    assert (printed.status, printed.out, printed.err.count("\n")) == (1, "", 1)


def test_a_follower_reads_through_all_runs_until_the_job_has_ended(home: Home, store: Engine) -> None:
    put(store)
    run = started(store)
    write(home, run.job, b"one ")
    follower = subprocess.Popen(program(home, "logs", "1", "-f"), stdout=subprocess.PIPE)
    try:
        assert follower.stdout is not None
        assert follower.stdout.read(4) == b"one "  # while it runs
        write(home, run.job, b"more\n")
        ended(store, run, Outcome.FAILED)
        store.clock.now += 60_000
        again = started(store)
        write(home, run.job, b"two\n", attempt=2)
        ended(store, again)
        rest, _ = follower.communicate(timeout=30)
    finally:
        follower.kill()
    assert (rest, follower.returncode) == (b"more\ntwo\n", 0)


def test_a_follower_of_one_run_ends_with_it(home: Home, store: Engine) -> None:
    ran(home, store, b"one\n", Outcome.FAILED)

    assert run_program(home, "logs", "1", "--attempt", "1", "--follow") == (0, "one\n", "")


def test_a_follower_waits_for_the_first_run(home: Home, store: Engine) -> None:
    put(store)
    with subprocess.Popen(program(home, "logs", "1", "-f"), stdout=subprocess.PIPE) as follower:
        once_it_looks(home, follower)
        run = started(store)
        write(home, run.job, b"hi\n")
        ended(store, run)

        assert follower.communicate(timeout=30)[0] == b"hi\n"


def test_a_run_that_has_no_file_yet_is_no_trouble(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    run: Run = started(store)

    assert queuectl("logs", str(run.job.id)) == (0, "", "")


def test_a_claim_that_was_given_back_is_no_run_to_follow(
    home: Home, store: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    job = put(store)
    with SqliteStore(home) as opened:
        assert not _follow_run(opened, job, 1, None)
        ended(store, started(store), output_bytes=0)
        assert _follow_run(opened, job, 1, None)

    assert capsys.readouterr() == ("", "")
