"""A pool in the foreground of a terminal: that is closed, or at which Ctrl+C is pressed."""

from __future__ import annotations

import os
import pty
import select
import shlex
import subprocess
import threading
from contextlib import suppress
from shutil import which

import pytest

from tests.crash.busy import (
    PATIENCE,
    assert_finished,
    assert_nobody_is_left,
    assert_released,
    at_work,
    command_line,
    environment_of_ours,
    hears,
    views_of,
)
from tests.crash.evidence import processes_of
from tests.crash.storm import ROOT, Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash


class Terminal:
    """A terminal, and a process that leads a session at it."""

    def __init__(self, storm: Storm, *command: str) -> None:
        self._keyboard, terminal = pty.openpty()
        self._open = True
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=ROOT,
            env={**environment_of_ours(storm), "HISTFILE": "", "TERM": "dumb", "PS1": ""},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        self._leave, self._left = os.pipe()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        """Read all that is said, so that nobody waits who says it."""
        with suppress(OSError):  # EIO: the last one that held the terminal has gone
            while self._leave not in select.select([self._keyboard, self._leave], [], [])[0]:
                os.read(self._keyboard, 4096)

    def types(self, text: bytes) -> None:
        """Have somebody type this."""
        os.write(self._keyboard, text)

    def closes(self) -> None:
        """Close the terminal, as its window does."""
        if self._open:
            self._open = False
            os.write(self._left, b"!")
            self._reader.join()
            for end in (self._keyboard, self._leave, self._left):
                os.close(end)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.closes()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def at_terminal(storm: Storm, shell: bool) -> Terminal:
    """A pool in the foreground of a terminal: started from an interactive shell, or the terminal's only process."""
    command = command_line(storm, "worker", "start", "--count=4")
    if not shell:
        return Terminal(storm, *command)
    terminal = Terminal(storm, "bash", "--norc", "--noprofile", "-i")
    terminal.types(f"{shlex.join(command)}\n".encode())
    return terminal


@pytest.mark.parametrize("shell", [True, False], ids=["from a shell", "without a shell"])
def test_a_terminal_that_is_closed_lets_what_runs_finish(storm: Storm, shell: bool) -> None:
    if shell and which("bash") is None:
        pytest.skip("needs a shell that passes hangups on")
    with at_terminal(storm, shell) as terminal:
        work = at_work(storm)
        terminal.closes()
        if shell:
            terminal.process.wait(PATIENCE)
        hears(storm, work)
        work.gate.touch()
        assert shell or terminal.process.wait(PATIENCE) == 0
    eventually(lambda: not processes_of(storm.home), PATIENCE, what="the pool has gone")
    assert_finished(storm, work)
    assert_nobody_is_left(storm)
    storm.drain(2)
    assert storm.wrong() == []


@pytest.mark.parametrize("shell", [True, False], ids=["from a shell", "without a shell"])
def test_ctrl_c_is_a_signal_to_the_pool_alone(storm: Storm, shell: bool) -> None:
    if shell and which("bash") is None:
        pytest.skip("needs a shell that controls its jobs")
    with at_terminal(storm, shell) as terminal:
        work = at_work(storm)
        terminal.types(b"\x03")
        hears(storm, work)
        terminal.types(b"\x03")
        eventually(lambda: not views_of(storm), PATIENCE, what="the second one waits for nothing")
        assert_released(storm, work)
        if shell:
            eventually(lambda: processes_of(storm.home) == [terminal.process.pid], what="the pool has gone")
            terminal.types(b"exit $?\n")
        assert terminal.process.wait(PATIENCE) == 0
    assert_nobody_is_left(storm)
    work.gate.touch()
    storm.drain(2)
    assert storm.wrong() == []
