"""One command: started in a session of its own, its output straight to a file, its end understood.

Nothing here waits or ends anything; `watch.py` does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from queuectl_core.execution.liveness import RunNote
from queuectl_core.execution.processes import boot_clock_ns
from queuectl_core.model.job import Job

DEV_NULL = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


class CannotStart(Exception):
    """The command could not be started; the message is the error of the run."""


class Exit(NamedTuple):
    """How a command ended: by an exit code, or by a signal (a number)."""

    code: int | None
    signal: int | None

    @property
    def error(self) -> str | None:
        """The sentence that says what went wrong; None where nothing did."""
        if self.signal is not None:
            return f"killed by {signal_name(self.signal)}"
        if self.code == 0:
            return None
        return f"exit status {self.code}" + EXIT_MEANINGS.get(self.code or 0, "")


EXIT_MEANINGS = {126: " (command cannot be executed)", 127: " (command not found)"}
"""What a POSIX shell means by these."""


class Command:
    """A command that was started; the process is collected by `collect` alone, so its pid stays its own."""

    def __init__(self, process: subprocess.Popen[bytes], note: RunNote) -> None:
        self._process = process
        self.note = note
        self.pid = process.pid
        self.handle = os.pidfd_open(process.pid)
        """Readable once the command itself, its children apart, has ended."""

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the command's process group; the leader is not yet collected, so the group is its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def collect(self) -> Exit:
        """Collect the command, which has ended."""
        status = self._process.wait()
        os.close(self.handle)
        return Exit(None, -status) if status < 0 else Exit(status, None)


def start(job: Job, token: str, log: int, shell: str, environment: Mapping[bytes, bytes] | None) -> Command:
    """Start the command of a job, with its output going to `log`. Raises CannotStart.

    `environment` is what the command sees, the token included; None means what this process has.
    """
    before = boot_clock_ns()
    try:
        process = subprocess.Popen(
            [shell, "-c", job.command] if isinstance(job.command, str) else job.command,
            stdin=DEV_NULL,
            stdout=log,
            stderr=log,
            cwd=job.cwd,
            env=environment,
            start_new_session=True,
            # Every descriptor of ours is closed on exec; walking them for each command costs more.
            close_fds=False,
        )
    except (OSError, ValueError) as error:
        raise CannotStart(_why(job, shell, error)) from error
    return Command(process, RunNote(token, process.pid, before, boot_clock_ns()))


def _why(job: Job, shell: str, error: Exception) -> str:
    if not os.path.isdir(job.cwd):
        return f"working directory is gone: {job.cwd}"
    program = shell if isinstance(job.command, str) else job.command[0]
    match getattr(error, "errno", None):
        case errno.ENOENT:
            return f"command not found: {program}"
        case errno.EACCES | errno.ENOEXEC:
            return f"command cannot be executed: {program}"
        case errno.E2BIG:
            return "command is too long for the system"
        case _:
            return f"command could not be started: {getattr(error, 'strerror', None) or error}"


def signal_name(number: int) -> str:
    """A signal as people know it: `signal 9 (SIGKILL)`."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
