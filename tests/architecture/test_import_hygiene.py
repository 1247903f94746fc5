"""Proof that the command scripts run most, and the start of the console, load nothing that they do not need.

Which package may import which is a contract in `pyproject.toml`, not a test.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.opening import make_home

HEAVY = frozenset(
    {
        "asyncio",
        "ctypes",
        "importlib.metadata",
        "multiprocessing",
        "psycopg",
        "rich",
        "textual",
    }
)

PROBE = """
import sys
report, *sys.argv = sys.argv[1:]
try:
    from queuectl_core.cli.main import main
    main()
finally:
    with open(report, "w") as file:
        file.write("\\n".join(sys.modules))
"""
"""Runs the command line that follows the path of a report, then writes the loaded modules' names there."""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["enqueue", '{"command": "true"}'], id="as JSON"),
        pytest.param(["enqueue", "--priority", "5", "--delay", "1h", "--", "true"], id="by options"),
    ],
)
def test_enqueue_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    report = tmp_path / "modules"

    ran = in_a_fresh_interpreter(report, "queuectl", "--home", str(tmp_path / "home"), *arguments)

    assert (ran.returncode, ran.stdout) == (0, "1\n"), ran.stderr
    assert HEAVY & set(report.read_text().splitlines()) == set()


WITHOUT_DRIVER = """
import sys
sys.modules["psycopg"] = None
from importlib import import_module
from queuectl_core.cli.main import COMMANDS, main
for entry in COMMANDS.values():
    import_module(f"queuectl_core.cli.{entry.module}")
import_module("queuectl_tui.app")
sys.argv[0] = "queuectl"
main()
"""
"""Loads every command and the console where PostgreSQL's driver is not installed, then runs a command line."""


def test_nothing_needs_the_driver_of_a_server_where_the_queue_is_a_file(tmp_path: Path) -> None:
    make_home(Home(str(tmp_path / "home")))
    command = [sys.executable, "-c", WITHOUT_DRIVER, "--home", str(tmp_path / "home"), "doctor"]

    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "store\tok" in ran.stdout


def in_a_fresh_interpreter(report: Path, *command_line: str) -> subprocess.CompletedProcess[str]:
    """Run a command line of ours where nothing was imported and no variable of ours or of Python's is set."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "QUEUECTL_", "COV_"))
    }
    return subprocess.run(
        [sys.executable, "-c", PROBE, str(report), *command_line],
        cwd=Path(__file__).parents[2],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


LATER = (
    "click",
    "plotext",
    "queuectl_tui.demo",
    "queuectl_tui.detail.job_detail",
    "queuectl_tui.forms",
    "queuectl_tui.help",
    "queuectl_tui.log",
    "queuectl_tui.metrics",
    "queuectl_tui.palette",
    "queuectl_tui.panes.config",
    "queuectl_tui.panes.dlq",
    "queuectl_tui.panes.workers",
    "queuectl_tui.pools",
)
"""What the console loads when it is first asked for, with all that is inside it."""


def test_a_console_starts_without_what_only_other_panes_need() -> None:
    probe = "import sys, queuectl_tui.__main__, queuectl_tui.app, queuectl_tui.remembered; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()

    assert "queuectl_tui.listing.table" in loaded
    assert [name for name in loaded if name in LATER or name.startswith(tuple(f"{one}." for one in LATER))] == []
