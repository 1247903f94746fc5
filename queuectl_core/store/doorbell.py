"""Doorbells: how a commit in one process wakes a worker that sleeps in another.

A doorbell is a FIFO in `run/`. An idle worker holds its reading end open and sleeps on it; ringing is one
byte written without waiting, and fails harmlessly where nobody listens. It is a hint, never a guarantee:
sleepers also look for themselves once a second.

Only a FIFO is ever rung, and no folder that is a symbolic link is looked into.

`run/bells/QUEUE/WORKER` hangs where only an idle worker of that queue listens; `run/bells/any/` is for
workers of every queue. `run/control/NAME` reaches one worker or keeper whatever it does.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from queuectl_core.store.home import Home
from queuectl_core.store.statements import Wake

ANY = "any"


class Doorbell:
    """Rings the doorbells of one home."""

    def __init__(self, home: Home) -> None:
        self._bells = f"{home.run}/bells"
        self._control = f"{home.run}/control"

    def ring(self, wakes: Iterable[Wake]) -> None:
        """Wake one idle worker of each queue, and every worker and pool that is named."""
        for wake in wakes:
            for queue in wake.queues:
                self._ring_one(queue)
            if (wake.workers or wake.pools) and not _is_folder(self._control):
                continue
            for name in (*wake.workers, *wake.pools):
                _press(f"{self._control}/{name}")

    def ring_all(self) -> None:
        """Wake everybody who is idle, and every worker and pool."""
        for folder in self._folders():
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):
                    _press(f"{folder}/{name}")

    def _ring_one(self, queue: str) -> None:
        # One is enough: a worker that was woken and found a job wakes the next.
        if not _is_folder(self._bells):
            return
        for folder in (f"{self._bells}/{folder_of(queue)}", f"{self._bells}/{ANY}"):
            if not _is_folder(folder):
                continue
            with contextlib.suppress(OSError):
                for name in os.listdir(folder):
                    if _press(f"{folder}/{name}"):
                        return

    def bells_of(self, worker: str, queues: Iterable[str]) -> list[str]:
        """Make the doorbells of a worker that serves these queues (none: all); returns their paths."""
        folders = [f"{self._bells}/{folder_of(queue)}" for queue in queues] or [f"{self._bells}/{ANY}"]
        for folder in (self._bells, *folders):
            _need_folder(folder)
        return [_hang(folder, worker) for folder in folders]

    def control_of(self, name: str) -> str:
        """Make the control bell of a worker or keeper; returns its path."""
        _need_folder(self._control)
        return _hang(self._control, name)

    def take_down(self, name: str) -> None:
        """Remove every doorbell of a worker or keeper that has gone, as far as that can be done."""
        for folder in self._folders():
            with contextlib.suppress(OSError):
                os.unlink(f"{folder}/{name}")

    def _folders(self) -> list[str]:
        """Every folder in which bells hang."""
        folders = [self._control]
        if _is_folder(self._bells):
            with contextlib.suppress(OSError):
                folders += [f"{self._bells}/{folder}" for folder in os.listdir(self._bells)]
        return [folder for folder in folders if _is_folder(folder)]


def _is_folder(path: str) -> bool:
    """Whether there is a directory, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _need_folder(path: str) -> None:
    """Make a directory for its owner alone, in the place of a link where one is there. Raises OSError."""
    for _ in range(2):
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
            os.chmod(path, 0o700)  # whatever the umask
        if not os.path.islink(path):
            return
        with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # another worker came before us
            os.unlink(path)  # the link itself, not where it leads


def _hang(folder: str, name: str) -> str:
    """Make a FIFO, in the place of whatever else is there. Raises OSError."""
    path = f"{folder}/{name}"
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            os.unlink(path)
            os.mkfifo(path, 0o600)
    return path


def folder_of(queue: str) -> str:
    """The folder of a queue's doorbells: hexadecimal, so that no name from outside becomes a path.

    Two long names that begin alike share one, and wake each other's workers for nothing, which is harmless.
    """
    return f"q{queue.encode().hex()[:200]}"


def _press(path: str) -> bool:
    """Ring one doorbell without waiting; whether somebody listens there."""
    try:
        bell = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not stat.S_ISFIFO(os.fstat(bell).st_mode):
            return False
        os.write(bell, b"!")
    except BlockingIOError:
        pass  # Full of rings that were not yet heard: it is ringing already.
    except OSError:
        return False
    finally:
        os.close(bell)
    return True
