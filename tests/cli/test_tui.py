"""`queuectl tui` hands over to the console's own command, which says that it is on its way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_the_console_is_started_in_place_of_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "queuectl_core", "--home", str(tmp_path / "home"), "tui"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "queuectl-tui: the console is on its way: use 'queuectl --help' until it is there\n"
