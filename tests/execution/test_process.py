"""One command: how it is started, what it sees, how its end is understood."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from queuectl_core.execution import process
from queuectl_core.execution.process import CannotStart, Exit, start
from queuectl_core.execution.processes import look_at
from queuectl_core.model.job import Command, Job, JobState
from tests.execution.waiting import eventually

ENVIRONMENT = {b"PATH": os.environb[b"PATH"]}


def job(command: Command, cwd: Path) -> Job:
    """A claimed job; its other facts do not matter here."""
    return Job(
        7, "a-name", command, JobState.PROCESSING, "mail", 0, 1, 3, 0, None, str(cwd), {}, 0, 0, 0,
        None, None, None, None, "pool-1", 2, False,
    )  # fmt: skip


class Ran:
    """A command that was run to its end, with its output."""

    def __init__(
        self,
        folder: Path,
        command: Command,
        cwd: Path | None = None,
        *,
        shell: str = "/bin/sh",
        environment: Mapping[bytes, bytes] = ENVIRONMENT,
    ) -> None:
        log = folder / "log"
        log.unlink(missing_ok=True)
        handle = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            started = start(job(command, cwd or folder), "token-of-the-run", handle, shell, environment)
            eventually(started.has_ended, what="the command ends")
            self.note = started.note
            self.process = look_at(started.pid)
            self.exit = started.collect()
        finally:
            os.close(handle)
        self.output = log.read_bytes()


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_an_exit_status_is_kept(tmp_path: Path, status: int) -> None:
    assert Ran(tmp_path, f"exit {status}").exit == Exit(status, None)


@pytest.mark.parametrize("number", [1, 9, 15])
def test_a_signal_that_ends_a_command_is_kept_apart_from_exit_codes(tmp_path: Path, number: int) -> None:
    assert Ran(tmp_path, f"kill -{number} $$").exit == Exit(None, number)


def test_an_end_is_said_in_a_sentence() -> None:
    assert Exit(0, None).error is None
    assert Exit(3, None).error == "exit status 3"
    assert Exit(127, None).error == "exit status 127 (command not found)"
    assert Exit(None, 9).error == "killed by signal 9 (SIGKILL)"
    assert Exit(None, 99).error == "killed by signal 99"


def test_a_command_that_the_shell_does_not_find_ends_with_127(tmp_path: Path) -> None:
    assert Ran(tmp_path, "no-such-command-anywhere").exit.code == 127


PLAIN = (
    "env",
    "expr 2 + 3",
    "ls no-such-file",
    "env A=b,c env",
    "no-such-command -x",
    "./script a b",
    "./notes",
)
"""Texts that need no shell; what the last ones name cannot be started without one."""


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The words of everything that is started, or would be."""
    words_of_all: list[Sequence[str]] = []
    as_usual = process._spawn

    def noted(words: Sequence[str], log: int, environment: Mapping[bytes, bytes]) -> int:
        words_of_all.append(words)
        return as_usual(words, log, environment)

    monkeypatch.setattr(process, "_spawn", noted)
    return words_of_all


def test_a_text_that_needs_no_shell_is_started_without_one(tmp_path: Path, started: list[Sequence[str]]) -> None:
    assert Ran(tmp_path, "expr 2 + 3").output == b"5\n"
    assert Ran(tmp_path, "expr 2 + 3 # a sum").output == b"5\n"

    assert started == [["expr", "2", "+", "3"], ("/bin/sh", "-c", "expr 2 + 3 # a sum")]


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_that_is_started_without_a_shell_ends_as_it_does_with_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "script").write_text('echo "$0" "$@"; exit 3\n')  # for whatever shell is at hand: it does not say
    (tmp_path / "script").chmod(0o700)
    (tmp_path / "notes").write_text("echo not to be run\n")

    environment = {**ENVIRONMENT, b"PWD": bytes(tmp_path), b"OWN": b"1"}  # every run is told where it is

    without = Ran(tmp_path, text, environment=environment)
    with_one = Ran(tmp_path, f"{text};", environment=environment)

    assert (without.exit, seen(without)) == (with_one.exit, seen(with_one))


def seen(ran: Ran) -> list[bytes]:
    """The lines that a command wrote, without the variables that some shells add for themselves."""
    own = (b"_=", b"SHLVL=", b"OLDPWD=")
    return sorted(line for line in ran.output.splitlines() if not line.startswith(own))


def test_another_shell_is_called_for_every_text(tmp_path: Path, started: list[Sequence[str]]) -> None:
    (tmp_path / "wrapper").write_text('#!/bin/sh\necho "inside: $2"\n')
    (tmp_path / "wrapper").chmod(0o700)

    assert Ran(tmp_path, "expr 2 + 3", shell=f"{tmp_path}/wrapper").output == b"inside: expr 2 + 3\n"
    assert len(started) == 1


def test_where_the_path_is_not_known_the_shell_has_its_own(tmp_path: Path, started: list[Sequence[str]]) -> None:
    assert Ran(tmp_path, "expr 2 + 3", environment={b"PWD": b"/"}).output == b"5\n"
    assert started == [("/bin/sh", "-c", "expr 2 + 3")]


def test_a_program_that_is_not_there_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match=r"^command not found: no-such-program$"):
        Ran(tmp_path, ("no-such-program", "argument"))


def test_a_file_that_is_no_program_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("words")
    with pytest.raises(CannotStart, match=r"^command cannot be executed: \./notes\.txt$"):
        Ran(tmp_path, ("./notes.txt",))


def test_a_program_is_looked_for_in_the_path_of_the_job(tmp_path: Path) -> None:
    program = tmp_path / "bin" / "greet"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho hello\n")
    program.chmod(0o700)
    environment = {**ENVIRONMENT, b"PATH": os.fsencode(program.parent)}
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_CREAT)
    try:
        assert start(job(("greet",), tmp_path), "token", log, "/bin/sh", environment).collect() == Exit(0, None)
    finally:
        os.close(log)
    assert (tmp_path / "log").read_bytes() == b"hello\n"


def test_a_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(CannotStart, match=f"^working directory is gone: {gone}$"):
        Ran(tmp_path, "true", cwd=gone)


def test_a_directory_that_is_a_file_or_cannot_be_is_named_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(CannotStart, match=f"^working directory is not a directory: {file}$"):
        Ran(tmp_path, "true", cwd=file)
    with pytest.raises(CannotStart, match=r"^working directory has a name that is too long: "):
        Ran(tmp_path, "true", cwd=tmp_path / ("x" * 256))


@pytest.mark.parametrize("command", ["#" * 140_000, ("echo", "x" * 140_000)])
def test_a_command_that_is_longer_than_the_system_takes_is_called_too_long(tmp_path: Path, command: Command) -> None:
    with pytest.raises(CannotStart, match=r"^command and environment are too long for the system$"):
        Ran(tmp_path, command)


def test_an_argument_vector_is_run_without_a_shell(tmp_path: Path) -> None:
    assert Ran(tmp_path, ("printf", "%s|", "a b", "$HOME", "*", "")).output == b"a b|$HOME|*||"


def test_output_and_errors_are_one_file_in_their_order(tmp_path: Path) -> None:
    ran = Ran(tmp_path, "echo one; echo two >&2; echo three; echo four >&2")
    assert ran.output == b"one\ntwo\nthree\nfour\n"


def test_the_bytes_of_the_output_are_kept_as_they_are(tmp_path: Path) -> None:
    every = bytes(range(256)) * 100
    (tmp_path / "bytes").write_bytes(every)
    assert Ran(tmp_path, "cat bytes").output == every


def test_the_input_of_a_command_is_empty(tmp_path: Path) -> None:
    assert Ran(tmp_path, "readlink /proc/self/fd/0; cat").output == b"/dev/null\n"


def test_a_command_leads_a_session_of_its_own(tmp_path: Path) -> None:
    ran = Ran(tmp_path, "true")
    assert ran.process is not None
    assert ran.process.session == ran.process.pid != os.getsid(0)


def test_the_note_of_a_start_encloses_the_start(tmp_path: Path) -> None:
    ran = Ran(tmp_path, "true")
    assert ran.process is not None
    assert (ran.note.pid, ran.note.token) == (ran.process.pid, "token-of-the-run")
    ticks = os.sysconf("SC_CLK_TCK") / 1e9
    assert ran.note.started_ns * ticks - 2 <= ran.process.start <= ran.note.spawned_ns * ticks + 2
