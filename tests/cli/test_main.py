"""The command line as a whole: help, options for all commands, and how any command ends."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from queuectl_core.cli import main
from queuectl_core.cli.main import COMMANDS
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from tests.cli.line import CommandLine, program, run_program
from tests.store.acts import put, put_many
from tests.store.engines import Engine


def test_alone_it_prints_its_help(home: Home) -> None:
    ran = run_program(home)

    assert (ran.status, ran.err) == (0, "")
    assert all(f"  {name} " in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_its_name(queuectl: CommandLine, name: str) -> None:
    ran = queuectl(name, "--help")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: queuectl {name} ")


def test_the_help_loads_no_command(home: Home) -> None:
    loaded = run_program(home, "--help", PYTHONVERBOSE="", PYTHONPROFILEIMPORTTIME="1").err

    assert "queuectl_core.cli.main" in loaded
    assert "queuectl_core.cli.enqueue" not in loaded


def test_the_version_is_printed(queuectl: CommandLine) -> None:
    ran = queuectl("--version")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("queuectl ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frob"], "no command \"frob\": see 'queuectl --help'"),
        (["lsit"], 'no command "lsit": did you mean list?'),
        (["--frob"], "no such option '--frob': see 'queuectl --help'"),
        (["list", "--limt", "5"], "no such option '--limt': did you mean '--limit'?"),
        (["--home", "", "list"], "--home must not be empty"),
        (["enqueue", "--from", ""], "--from must not be empty\n"),
        (["import", ""], "file must not be empty\n"),
        (["export", ""], "file must not be empty\n"),
        (["--color", "pink", "list"], "invalid value for '--color': "),
        (["show"], "missing argument 'ID': see 'queuectl show --help'"),
        (["list", "--stat", "x"], "no such option '--stat': did you mean '--state' or '--store'?\n"),
        (["worker", "strt"], "no such command 'strt': did you mean 'start'?\n"),
        (["list", "--limit"], "option '--limit' requires an argument: see 'queuectl list --help'\n"),
        (["worker", "start", "--count"], "option '--count' requires an argument: see 'queuectl worker start --help'\n"),
        (["--color"], "option '--color' requires an argument: see 'queuectl --help'\n"),
        (["--store", "mysql://x", "list"], "--store takes a postgresql:// URL alone: "),
        (["show", "a\nb\x1b[2J"], r"no job 'a\nb\x1b[2J': "),
    ],
)
def test_what_goes_wrong_is_one_line_and_no_usage(queuectl: CommandLine, arguments: list[str], said: str) -> None:
    ran = queuectl(*arguments)

    assert (ran.status, ran.out) == (1 if arguments[0] == "show" and len(arguments) > 1 else 2, "")
    assert ran.err.startswith(f"queuectl: {said}")
    assert ran.err.count("\n") == 1


def test_the_store_variable_is_read_as_the_option(queuectl: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUECTL_STORE", "sqlite:///x")

    assert queuectl("list").status == 2


@pytest.mark.usefixtures("_gone")
def test_a_home_in_a_current_directory_that_is_gone_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = 'queuectl: the home "queue" is in the current directory, which is gone: change to another, or name '

    assert main.run(["--home", "queue", "list"]) == 2
    assert capsys.readouterr().err == f"{told}the home by its whole path\n"
    monkeypatch.setenv("QUEUECTL_HOME", "queue")
    assert main.run(["worker", "start"]) == 2
    assert capsys.readouterr().err == f"{told}the home by its whole path\n"


def test_trouble_with_the_store_is_one_line_and_status_1(queuectl: CommandLine, home: Home) -> None:
    Path(home.path).write_text("a file")

    ran = queuectl("list")

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("trouble", [RecursionError("too deep"), MemoryError(), ValueError("a\nb"), KeyError("x")])
def test_what_nobody_expected_is_one_line_too(
    queuectl: CommandLine, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def fail(*_: object) -> None:
        raise trouble

    monkeypatch.setattr("queuectl_core.cli.listing._list_a_few", fail)

    ran = queuectl("list")

    assert (ran.status, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err.startswith(f"queuectl: internal error: {type(trouble).__name__}")

    monkeypatch.setenv("QUEUECTL_DEBUG", "1")
    assert queuectl("list").err.startswith("Traceback")


ENQUEUE = "enqueue -- true"


@pytest.mark.parametrize("buffered", [True, False])
@pytest.mark.parametrize(
    "command", ["list", ENQUEUE, "--help", "list --help", "worker --help", "worker start -h", "worker", "--version", ""]
)
def test_no_room_for_the_output_is_one_line_and_status_1(
    home: Home, store: Engine, command: str, buffered: bool
) -> None:
    put(store)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            program(home, *command.split()),
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            env=environment if buffered else {**environment, "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip

    assert ran.returncode == 1
    told = "queuectl: cannot write the output: No space left on device"
    assert ran.stderr == told + (": job 2 is stored all the same\n" if command == ENQUEUE else "\n")


def test_a_reader_that_is_gone_before_anything_is_written_hears_nothing(home: Home, store: Engine) -> None:
    put_many(store, *[NewJob("true")] * 100, batch=100)
    reader, writer = os.pipe()
    os.close(reader)

    ran = subprocess.run(
        program(home, "list", "--all"),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )

    os.close(writer)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_closed_streams_are_no_trouble(home: Home) -> None:
    command = subprocess.list2cmdline(program(home, "enqueue", "--", "true"))

    ran = subprocess.run(["sh", "-c", f"{command} >&- 2>&- <&-"], timeout=60, check=False)

    assert ran.returncode == 0
    assert run_program(home, "list").out.startswith("1\t")


@pytest.mark.parametrize("environment", [{"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONIOENCODING": "ascii"}])
def test_any_text_is_printed_in_any_locale(home: Home, store: Engine, environment: dict[str, str]) -> None:
    put(store, "echo é ✓")

    for arguments in (["list"], ["list", "--json"], ["show", "1"], ["show", "é"], ["--help"]):
        ran = run_program(home, *arguments, timeout=60, stdin=None, **environment)
        # In the C locale, what is not ASCII comes as bytes that are no text.
        refused = 2 if "LC_ALL" in environment else 1
        assert ran.status == (refused if arguments == ["show", "é"] else 0), ran
        assert "Traceback" not in ran.err


def test_run_returns_a_status_and_raises_nothing() -> None:
    assert main.run(["--nothing"]) == 2
