"""Doorbells: how a commit in one process wakes a worker that sleeps in another.

A doorbell is a FIFO in `run/`. An idle worker holds its reading end open and sleeps on it; ringing is one
byte written without waiting, and fails harmlessly where nobody listens. It is a hint, never a guarantee:
sleepers also look for themselves once a second.

`run/bells/QUEUE/WORKER` hangs where only an idle worker of that queue listens; `run/bells/any/` is for
workers of every queue. `run/control/NAME` reaches one worker or keeper whatever it does.
"""

from __future__ import annotations

import contextlib
import os
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
            for name in (*wake.workers, *wake.pools):
                _press(f"{self._control}/{name}")

    def _ring_one(self, queue: str) -> None:
        # One is enough: a worker that was woken and found a job wakes the next.
        for folder in (folder_of(queue), ANY):
            with contextlib.suppress(OSError):
                for name in os.listdir(f"{self._bells}/{folder}"):
                    if _press(f"{self._bells}/{folder}/{name}"):
                        return

    def bells_of(self, worker: str, queues: Iterable[str]) -> list[str]:
        """Make the doorbells of a worker that serves these queues (none: all); returns their paths."""
        folders = [folder_of(queue) for queue in queues] or [ANY]
        return [self._hang(f"{self._bells}/{folder}", worker) for folder in folders]

    def control_of(self, name: str) -> str:
        """Make the control bell of a worker or keeper; returns its path."""
        return self._hang(self._control, name)

    def _hang(self, folder: str, name: str) -> str:
        for private in (os.path.dirname(folder), folder):
            with contextlib.suppress(FileExistsError):
                os.mkdir(private, 0o700)
        path = f"{folder}/{name}"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        return path

    def take_down(self, name: str) -> None:
        """Remove every doorbell of a worker or keeper that has gone."""
        paths = [f"{self._control}/{name}"]
        with contextlib.suppress(OSError):
            paths += [f"{self._bells}/{folder}/{name}" for folder in os.listdir(self._bells)]
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


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
        os.write(bell, b"!")
    except BlockingIOError:
        pass  # Full of rings that were not yet heard: it is ringing already.
    except OSError:
        return False
    finally:
        os.close(bell)
    return True
