"""A FIFO that commands write single bytes into, and that is read here, so that one clock measures all of them."""

from __future__ import annotations

import os
import select
import time
from types import TracebackType
from typing import NamedTuple, Self

from tests.benchmarks.ground import PATIENCE


class Said(NamedTuple):
    """A byte that came, and when by `time.perf_counter`."""

    at: float
    letter: str


class Fifo:
    """A FIFO at a path; closed with the context."""

    def __init__(self, path: str) -> None:
        self._path = path
        os.mkfifo(path)
        self._handle = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        os.close(self._handle)

    def says(self, letter: str) -> str:
        """The shell command, built into the shell, that writes one letter."""
        return f"printf {letter} >{self._path}"

    def hear(self) -> Said:
        """Wait for the next letter. Raises TimeoutError."""
        ready, _, _ = select.select([self._handle], [], [], PATIENCE)
        now = time.perf_counter()
        if not ready:
            raise TimeoutError(f"no command spoke within {PATIENCE:g} s")
        return Said(now, os.read(self._handle, 1).decode())

    def came(self) -> float:
        """Wait for the next letter, whichever; the instant at which it came. Raises TimeoutError."""
        return self.hear().at
