"""A terminal without a screen: a program in a pty whose output is read and whose keys are pressed, with a watch."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

PATIENCE = 30.0
"""Seconds until something that was waited for must have been drawn."""


class Terminal:
    """A program on a terminal of `columns` by `rows`; ended with the context."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 160, rows: int = 48
    ) -> None:
        self.began = time.perf_counter()
        self._drawn = b""
        self.watch: Callable[[bytes], object] = len
        """Called with all that is drawn, as it is read."""
        self.pid, self._handle = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execvpe(command[0], list(command), {**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._handle)

    def press(self, key: str) -> float:
        """Press a key; the instant at which it was."""
        self._drawn = b""
        os.write(self._handle, key.encode())
        return time.perf_counter()

    def drawn(self, text: str) -> float:
        """Wait until a text has been drawn since the last key; the instant at which it had. Raises TimeoutError."""
        wanted, deadline = text.encode(), time.monotonic() + PATIENCE
        while wanted not in self._drawn:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._handle], [], [], left)[0]:
                raise TimeoutError(f"{text!r} was not drawn within {PATIENCE:g} s: {self._drawn[-400:]!r}")
            self._drawn += self._read()
        return time.perf_counter()

    def rest(self, seconds: float) -> None:
        """Read what is drawn for a while."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if select.select([self._handle], [], [], left)[0]:
                self._read()

    def _read(self) -> bytes:
        drawn = os.read(self._handle, 65536)
        self.watch(drawn)
        return drawn
