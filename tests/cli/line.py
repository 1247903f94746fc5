"""The command line as tests use it, in this process or as one of its own, and the store behind it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from queuectl_core.cli import main, output
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.sqlite.store import SqliteStore
from tests.execution.waiting import eventually
from tests.store.engines import BlockingSqlite, Clock, Engine


class Ran(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


class CommandLine:
    """Runs commands on one home in this process, where nothing is a terminal."""

    def __init__(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys

    def __call__(self, *arguments: str) -> Ran:
        """Run a command to its end."""
        self._capsys.readouterr()
        status = output.finish(main.run(["--home", self.home.path, *arguments]))
        said = self._capsys.readouterr()
        return Ran(status, said.out, said.err)

    def json(self, *arguments: str) -> Any:
        """Run a command that succeeds; the one JSON document that it prints."""
        ran = self(*arguments, "--json")
        assert (ran.status, ran.err) == (0, "")
        return json.loads(ran.out)


@contextmanager
def store_at(home: Home) -> Iterator[Engine]:
    """The store of a home, with a clock that stands at the present until a test moves it."""
    clock = Clock()
    clock.now = wall_clock()
    with SqliteStore(home, clock=clock) as store:
        yield BlockingSqlite(store, clock)


def program(home: Home, *arguments: str) -> list[str]:
    """The command line that starts a process of ours."""
    return [sys.executable, "-m", "queuectl_core", "--home", home.path, *arguments]


def run_program(home: Home, *arguments: str, timeout: float = 60, stdin: str | None = None, **environment: str) -> Ran:
    """Run a command as a process of its own, which reads `stdin` if that is given."""
    ran = subprocess.run(
        program(home, *arguments),
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL if stdin is None else None,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout,
        check=False,
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def once_it_looks(home: Home, process: subprocess.Popen[bytes]) -> None:
    """Wait until a command that was started has the store open, and so has begun to wait."""
    eventually(lambda: home.database in opened_by(process.pid), what="the command has opened the store")


def opened_by(pid: int) -> set[str]:
    """The files that a process has open."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.add(str(link.readlink()))
    return found


def at_terminal(home: Home, *arguments: str, typed: str = "", columns: int = 80, **environment: str) -> Ran:
    """Run a command at a terminal of its own; what it says on it is `out`, with both streams in one."""
    keyboard, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.write(keyboard, typed.encode())
    settings = {"TERM": "xterm-256color", **environment}
    with subprocess.Popen(
        program(home, *arguments),
        cwd=Path(__file__).parents[2],
        env={**{name: value for name, value in os.environ.items() if name != "COLUMNS"}, **settings},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as process:
        os.close(terminal)
        said = b""
        with suppress(OSError):  # EIO: the last one that held the terminal has gone
            while more := os.read(keyboard, 4096):
                said += more
        status = process.wait(60)
    os.close(keyboard)
    return Ran(status, said.decode().replace("\r\n", "\n"), "")
