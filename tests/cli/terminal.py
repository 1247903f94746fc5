"""A terminal for a command to think itself at, and what it wrote there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from queuectl_core.store.home import Home
from tests.cli.line import program


def at_terminal(home: Home, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str]:
    """Run a command whose three streams are a terminal of 100 columns; its status and all that it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        program(home, *arguments),
        cwd=Path(__file__).parents[2],
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", **environment},
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    if typed:
        os.write(ours, typed.encode())
    shown = b""
    try:
        while block := os.read(ours, 65_536):
            shown += block
    except OSError:  # Linux says so where the other end is closed
        assert sys.platform == "linux"
    finally:
        os.close(ours)
    return process.wait(60), shown.decode().replace("\r\n", "\n")
