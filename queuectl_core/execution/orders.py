"""What a pool tells its workers and keeper, and they tell it: short lines through pipes.

A pipe that closes tells that the other side is gone, however it went.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import NamedTuple

DRAIN = "drain"
STOP = "stop"
SCALE = "scale"
GRACE = "grace"
LOST = "lost"
DRAINED = "drained"
READY = "ready"
RENEW = "renew"
LEAVE = "leave"


class KeeperOptions(NamedTuple):
    """What a keeper is told at its start; `drain`: the pool ends once its queues are empty."""

    pool: str
    pool_pid: int
    wanted: int
    queues: tuple[str, ...]
    drain: bool


class WorkerOptions(NamedTuple):
    """What a worker is told at its start; no `queues` means all. `ring_when_idle`: its pool drains."""

    id: str
    pool: str
    queues: tuple[str, ...]
    ring_when_idle: bool


class Inbox:
    """The reading end of a pipe of lines; never waits."""

    def __init__(self, handle: int) -> None:
        self.handle = handle
        self.closed = False
        self._rest = b""
        os.set_blocking(handle, False)

    def lines(self) -> Iterator[list[str]]:
        """The words of each line that has come; sets `closed` once the other side is gone."""
        while True:
            try:
                data = os.read(self.handle, 4096)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.closed = True
                break
            self._rest += data
        *whole, self._rest = self._rest.split(b"\n")
        for line in whole:
            yield line.decode().split()

    def is_closed(self) -> bool:
        """Whether the other side is gone. What it said before is dropped."""
        list(self.lines())
        return self.closed


def tell(handle: int, *words: object) -> None:
    """Write one line to the other side; a side that is gone, or does not read, is no error."""
    with contextlib.suppress(OSError):
        os.write(handle, (" ".join(map(str, words)) + "\n").encode())


def drain_bytes(handle: int) -> bool:
    """Empty a non-blocking pipe or FIFO; whether there was anything in it."""
    found = False
    with contextlib.suppress(OSError):
        while os.read(handle, 4096):
            found = True
    return found
