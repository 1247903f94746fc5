"""`queuectl tui` becomes the console, and hands over which queue is meant."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.cli.line import program, run_program
from tests.console.terminal.screen import Screen, screen
from tests.store.acts import put
from tests.store.engines import Engine

CONSOLE = (sys.executable, "-m", "queuectl_tui")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def at_console(home: Home, store: Engine, tmp_path: Path) -> Iterator[Screen]:
    """The console, started by the command line on a queue with one job, at a terminal."""
    put(store, "echo first-row")
    with screen(program(home, "tui", "--read-only"), {"XDG_CONFIG_HOME": str(tmp_path / "config")}) as opened:
        yield opened


def test_the_console_takes_the_place_of_the_command_on_the_same_home(at_console: Screen) -> None:
    at_console.shows("echo first-row", "● read-only")
    name = Path(f"/proc/{at_console.process.pid}/cmdline").read_bytes().split(b"\0")

    at_console.press("q")

    assert any(word.endswith(b"queuectl-tui") for word in name)
    assert at_console.ended() == 0
    at_console.assert_restored()


def test_where_there_is_no_terminal_it_says_so_in_one_line(home: Home) -> None:
    ran = run_program(home, "tui")

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == "queuectl-tui: the console needs a terminal: use 'queuectl' in scripts\n"
    assert not os.path.exists(home.path)


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("option", ["--help", "-h", "--version"])
def test_no_room_for_what_the_console_prints_is_one_line(option: str, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [*CONSOLE, option], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
            env=environment,
        )  # fmt: skip

    told = "queuectl-tui: cannot write the output: No space left on device\n"
    assert (ran.returncode, ran.stderr) == (1, told)


def test_an_option_that_the_console_does_not_know_is_told_by_the_console_in_one_line(home: Home) -> None:
    ran = run_program(home, "tui", "--colour")

    assert (ran.status, ran.out) == (2, "")
    assert ran.err == "queuectl-tui: unrecognized arguments: --colour: see 'queuectl-tui --help'\n"


def test_a_store_url_is_handed_over_too(home: Home, tmp_path: Path) -> None:
    with screen(program(home, "--store", "postgresql://nowhere.invalid/queue", "tui"), {}) as refused:
        assert refused.ended() == 1
        assert refused.lines[0].startswith("queuectl-tui: cannot reach postgresql://nowhere.invalid/queue")
        refused.assert_restored()


def test_help_and_version_need_no_terminal() -> None:
    for option, expected in (("--help", "usage: queuectl-tui"), ("--version", "queuectl-tui ")):
        ran = subprocess.run((*CONSOLE, option), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith(expected)
