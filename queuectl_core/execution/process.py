"""One command: started in a session of its own, its output straight to a file, its end understood.

Nothing here waits or ends anything; `watch.py` does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from queuectl_core.execution.liveness import RunNote
from queuectl_core.execution.marks import marking_children
from queuectl_core.execution.plain import plain_words
from queuectl_core.execution.processes import boot_clock_ns
from queuectl_core.model.job import Job
from queuectl_core.model.settings import SETTINGS
from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint

DEV_NULL = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

NOWHERE = "/"
"""Where a worker is while it starts no command, so that it holds no directory."""


class CannotStart(Exception):
    """The command could not be started; the message is the error of the run.

    `by_system` where the machine lacked something, and the job is not to blame.
    """

    def __init__(self, message: str, *, by_system: bool = False) -> None:
        super().__init__(message)
        self.by_system = by_system


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

    def __init__(self, note: RunNote) -> None:
        self.note = note
        self.pid = note.pid

    def has_ended(self) -> bool:
        """Whether the command itself, its children apart, has ended; SIGCHLD tells when to ask."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the command's process group; the leader is not yet collected, so the group is its own."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def collect(self) -> Exit:
        """Collect the command, which has ended."""
        return _exit_of(os.waitpid(self.pid, 0)[1])

    def collected(self) -> Exit | None:
        """Collect the command if it has ended; None where it has not."""
        pid, found = os.waitpid(self.pid, os.WNOHANG)
        return _exit_of(found) if pid else None


def _exit_of(found: int) -> Exit:
    status = os.waitstatus_to_exitcode(found)
    return Exit(None, -status) if status < 0 else Exit(status, None)


def start(job: Job, token: str, log: int, shell: str, environment: Mapping[bytes, bytes]) -> Command:
    """Start the command of a job, with its output going to `log`; leaves us in `NOWHERE`. Raises CannotStart.

    `environment` is what the command sees, the token included.
    """
    program = shell if isinstance(job.command, str) else job.command[0]
    before = boot_clock_ns()
    try:
        os.chdir(job.cwd)
        with marking_children(token):
            pid = _spawn_command(job.command, log, shell, environment)
            failpoints.reached(Failpoint.SPAWNED, pid, token)
    except (OSError, ValueError) as error:
        raise CannotStart(_why(job, program, error), by_system=is_system_trouble(error)) from error
    finally:
        os.chdir(NOWHERE)
    return Command(RunNote(token, pid, before, boot_clock_ns()))


def is_system_trouble(error: Exception) -> bool:
    """Whether an error says that the machine lacks something, and nothing of the job."""
    return getattr(error, "errno", None) in SYSTEM_TROUBLE


SYSTEM_TROUBLE = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
)


def _spawn_command(command: str | tuple[str, ...], log: int, shell: str, environment: Mapping[bytes, bytes]) -> int:
    """Start an argument vector, or the shell for a text; not where that would change nothing but the time it takes."""
    if not isinstance(command, str):
        return _spawn(command, log, environment)
    if shell == USUAL_SHELL and b"PATH" in environment and (words := plain_words(command)):
        # What cannot be started the shell cannot start either, but for a script without `#!`; it says so in the log.
        with contextlib.suppress(OSError):
            return _spawn(words, log, environment)
    return _spawn((shell, "-c", command), log, environment)


USUAL_SHELL = SETTINGS["shell"].default
"""Another one is called for every text: whoever set it may want more of it than a start."""


def _spawn(words: Sequence[str], log: int, environment: Mapping[bytes, bytes]) -> int:
    """Start a program in the current directory, in a session of its own; returns its pid. Raises OSError.

    posix_spawn, since subprocess takes three times as long of this process's time (200 µs to 75 of it).
    Every other descriptor of ours is closed on exec.
    """
    return os.posix_spawn(
        _program(words[0], environment),
        list(words),
        environment,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, DEV_NULL, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ],
        setsid=True,
        setsigdef=RESET,
    )


IGNORED_HERE = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTTOU}
"""Signals that Python or a worker ignores, which commands must not."""

RESET = tuple(
    number
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    if number in IGNORED_HERE or signal.getsignal(number) is not signal.SIG_IGN
)
"""What commands get the default action of: all but what whoever started us ignores, as nohup does. The kernel resets
handlers anyway, but the C library asks for each signal that is not named here, and the worker waits for that."""


def _program(word: str, environment: Mapping[bytes, bytes]) -> str:
    """The path of a program, looked up in the PATH that its command sees. Raises FileNotFoundError."""
    if "/" in word:
        return word
    # Not shutil.which: to import it takes a worker 5 ms, and memory for what it never uses.
    for folder in os.fsdecode(environment.get(b"PATH", os.fsencode(os.defpath))).split(":"):
        found = os.path.join(folder, word)
        if os.access(found, os.X_OK) and not os.path.isdir(found):
            return found
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), word)


_WHY_NOT_ENTERED: dict[int | None, str] = {
    errno.ENOENT: "is gone",
    errno.ENOTDIR: "is not a directory",
    errno.ENAMETOOLONG: "has a name that is too long",
}


def _why(job: Job, program: str, error: Exception) -> str:
    if getattr(error, "filename", None) == job.cwd:
        return (
            f"working directory {_WHY_NOT_ENTERED.get(getattr(error, 'errno', None), 'cannot be entered')}: {job.cwd}"
        )
    match getattr(error, "errno", None):
        case errno.ENOENT:
            return f"command not found: {program}"
        case errno.EACCES | errno.ENOEXEC:
            return f"command cannot be executed: {program}"
        case errno.E2BIG:
            return "command and environment are too long for the system"
        case _:
            return f"command could not be started: {getattr(error, 'strerror', None) or error}"


def signal_name(number: int) -> str:
    """A signal as people know it: `signal 9 (SIGKILL)`."""
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
