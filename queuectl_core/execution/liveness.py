"""Who is alive, as the kernel knows it: a lock that a process holds for its whole life.

A worker or pool holds an exclusive `flock` on its own file in `run/`. Whoever finds it free knows that the
holder is dead, however it died; a stopped process still holds it. No clock and no pid file is involved.
The file also carries a note: the process, and the command it runs now.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from queuectl_core.execution.processes import boot_id, look_at, pid_namespace
from queuectl_core.store.home import Home

NOTE_BYTES = 2048
"""Notes are padded to this size, so that a newer one always covers the one before in a single write."""


class RunNote(NamedTuple):
    """The command that a worker runs: `started_ns` and `spawned_ns` (CLOCK_BOOTTIME) enclose its start."""

    token: str
    pid: int
    started_ns: int
    spawned_ns: int


class Success(NamedTuple):
    """A run that ended with 0, and is not reported yet: how long it took (ms), how much it wrote."""

    duration_ms: int
    output_bytes: int


class Note(NamedTuple):
    """What a process says of itself in its lock file; valid on that boot and in that pid namespace.

    `begun` are the runs that a worker began since it last reported, by their tokens, and what it knows of
    their end; `run` is the latest of them.
    """

    pid: int
    boot: str
    namespace: str
    run: RunNote | None
    begun: Mapping[str, Success | None] = {}


class Hold:
    """A lock file that this process made and holds; gone with the process, or when closed."""

    def __init__(self, home: Home, name: str) -> None:
        self.name = name
        self._path = home.lock(name)
        self._run: RunNote | None = None
        self._begun: dict[str, str] = {}
        """What is known of the end of each run that was begun, by its token, as JSON."""
        self._self = json.dumps({"pid": os.getpid(), "boot": boot_id(), "namespace": pid_namespace()})[:-1]
        self._draft = f"{home.run}/.{name}.{os.getpid()}"
        try:
            self.handle = self._make()
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(self._draft)
            raise

    def _make(self) -> int:
        """Make the file and hold it; locked under another name first, so that it is never seen free."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._draft)
        self.handle = os.open(self._draft, flags, 0o600)
        fcntl.flock(self.handle, fcntl.LOCK_EX)
        self._write(self._run)
        os.rename(self._draft, self._path)
        return self.handle

    def note_start(self, token: str) -> None:
        """Say that a run is about to begin: from here on it counts, whatever becomes of us."""
        self._begun[token] = "null"
        self._write(None)

    def note_success(self, token: str, success: Success) -> None:
        """Say that a run has ended well. Written with the next start, before which nothing can go wrong for it."""
        self._begun[token] = f"[{success.duration_ms}, {success.output_bytes}]"

    def note_run(self, run: RunNote) -> None:
        """Say which command runs now; survives any death but that of the machine."""
        self._write(run)

    def note_reported(self, tokens: Iterable[str]) -> None:
        """Forget these runs: the store knows how they ended. One that is not among them may be unknown there."""
        for token in tokens:
            self._begun.pop(token, None)

    def _write(self, run: RunNote | None) -> None:
        self._run = run
        # By hand: this is written twice for every run.
        begun = ", ".join([f'"{token}": {end}' for token, end in self._begun.items()])
        noted = f'["{run.token}", {run.pid}, {run.started_ns}, {run.spawned_ns}]' if run else "null"
        text = f'{self._self}, "begun": {{{begun}}}, "run": {noted}}}'
        os.pwrite(self.handle, text.encode().ljust(NOTE_BYTES), 0)

    def renew(self) -> bool:
        """Where the file was removed under us, make and hold it anew; whether that was so. Raises OSError.

        Without its file a process counts as dead, whatever lock it holds.
        """
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(self._path), os.fstat(self.handle)):
                return False
        old = self.handle
        self._make()
        os.close(old)
        return True

    def abandon(self) -> None:
        """Let the lock go and leave the file, so that what it says of our runs is heard."""
        with contextlib.suppress(OSError):  # A disk that takes nothing may be why we leave so.
            self._write(None)
        os.close(self.handle)

    def close(self) -> None:
        """Remove the file, if that can be done, and let the lock go."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)
        os.close(self.handle)


def read_note(home: Home, name: str) -> Note | None:
    """What a process, dead or alive, last said of itself; None where there is nothing to read."""
    try:
        handle = os.open(home.lock(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = json.loads(os.pread(handle, NOTE_BYTES, 0))
        run = RunNote(*found["run"]) if found["run"] else None
        begun = {token: Success(*end) if end else None for token, end in found["begun"].items()}
        return Note(found["pid"], found["boot"], found["namespace"], run, begun)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no note of ours, or no file at all
    finally:
        os.close(handle)


def remove_lock(home: Home, name: str) -> None:
    """Remove the lock file of a process that has died; what is no file stays."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        os.unlink(home.lock(name))


def sweep_drafts(home: Home) -> None:
    """Remove lock files whose makers died before they gave them their names."""
    with contextlib.suppress(OSError):
        for file in os.listdir(home.run):
            pid = file.rpartition(".")[2]
            if file.startswith(".") and pid.isdigit() and look_at(int(pid)) is None:
                os.unlink(f"{home.run}/{file}")
