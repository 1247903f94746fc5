"""The real program on a real terminal, and a terminal emulator that shows what a person would see there."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyte

PATIENCE = 30.0
"""Seconds after which what should have happened has not; far more than a busy machine needs."""

LOOK = 0.05
ROOT = Path(__file__).parents[3]

_TAKES_THE_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    " os.execvp(sys.argv[1], sys.argv[1:])"
)
_UNKNOWN_TO_THE_EMULATOR = re.compile(rb"\x1b\[(?:[<>=][0-9;]*u|\?[0-9;]*\$p)")
"""What it would draw as text: the keyboard protocol, and questions about modes."""


class Screen:
    """A program on a terminal. `raw` is every byte that it wrote."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 100, rows: int = 30
    ) -> None:
        self.raw = b""
        self._handle, self._slave = os.openpty()
        self._emulated = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._emulated)
        self._fed = 0
        self._set_size(columns, rows)
        self.modes_before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-c", _TAKES_THE_TERMINAL, *command],
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
            stdin=self._slave, stdout=self._slave, stderr=self._slave,
        )  # fmt: skip

    # ---------------------------------------------------------------- what a person does

    def press(self, *keys: str) -> None:
        """Press keys, as the bytes that a terminal sends."""
        os.write(self._handle, "".join(keys).encode())

    def click(self, column: int, row: int) -> None:
        """Click a cell, counted from 0."""
        self.press(f"\x1b[<0;{column + 1};{row + 1}M", f"\x1b[<0;{column + 1};{row + 1}m")

    def resize(self, columns: int, rows: int) -> None:
        """Draw the window larger or smaller; the kernel tells the program."""
        self._read(0)
        self._emulated.resize(rows, columns)
        self._set_size(columns, rows)

    def used_by_others(self, text: str) -> None:
        """Somebody else sets the terminal as it was before, and draws on it, while the program is stopped."""
        while self._read(0):
            pass
        termios.tcsetattr(self._slave, termios.TCSANOW, self.modes_before)
        os.write(self._slave, text.encode())
        self.until(lambda: text[-10:] in self.text, "it is drawn")

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        os.kill(self.process.pid, number)

    def vanish(self) -> None:
        """The terminal goes away, as when its window is closed."""
        for handle in (self._handle, self._slave):
            os.close(handle)
        self._handle = self._slave = -1

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---------------------------------------------------------------- what a person sees

    @property
    def lines(self) -> list[str]:
        """The lines in sight."""
        return [line.rstrip() for line in self._emulated.display]

    @property
    def text(self) -> str:
        """All that is in sight."""
        return "\n".join(self.lines)

    def until(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        """Read what is drawn until `condition()` is true; fail with `what` once that takes too long."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"did not happen within {seconds:g} s: {what}; in sight:\n{self.text}")
            self._read(LOOK)

    def shows(self, *texts: str) -> None:
        """Wait until all of these are in sight."""
        self.until(lambda: all(text in self.text for text in texts), f"it shows {texts}")

    def ended(self) -> int:
        """Wait until the program has ended; its status, negative for a signal. All that it wrote has been read then."""
        self.until(lambda: self.process.poll() is not None, "the program ends")
        while self._read(0):
            pass
        assert self.process.returncode is not None
        return self.process.returncode

    def draws(self) -> bool:
        """Whether the program draws anything for a while; half a second is twice the time between two of its looks."""
        return self._read(0.5)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._handle], [], [], seconds)[0]:
            return False
        block = os.read(self._handle, 65_536)
        self.raw += block
        # A sequence that was cut in two is fed once it is whole.
        whole = len(self.raw) if b"\x1b" not in self.raw[-12:] else max(self._fed, self.raw.rindex(b"\x1b"))
        self._stream.feed(_UNKNOWN_TO_THE_EMULATOR.sub(b"", self.raw[self._fed : whole]))
        self._fed = whole
        return True

    # ---------------------------------------------------------------- what it leaves behind

    def left_on(self) -> set[bytes]:
        """The private modes that were switched on and never off; the cursor is not among them while it is in sight."""
        modes: dict[bytes, bytes] = {}
        for numbers, switch in re.findall(rb"\x1b\[\?([0-9;]+)([hl])", self.raw):
            modes.update(dict.fromkeys(numbers.split(b";"), switch))
        hidden_cursor = modes.pop(b"25", b"h") == b"l"
        modes.pop(b"7", None)  # lines wrap by themselves, as they do in every terminal
        return {mode for mode, switch in modes.items() if switch == b"h"} | ({b"25"} if hidden_cursor else set())

    def assert_restored(self) -> None:
        """The terminal is as it was before the program was started."""
        assert self.left_on() == set()
        assert self.raw.count(b"\x1b[>1u") == 0 or self.raw.rindex(b"\x1b[<u") > self.raw.rindex(b"\x1b[>1u")
        assert self.modes() == _comparable(self.modes_before)

    def modes(self) -> list[Any]:
        """How the kernel treats what is typed and drawn now."""
        return _comparable(termios.tcgetattr(self._slave))

    def close(self) -> None:
        """End the program where it still runs, and give the terminal up."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self._handle >= 0:
            self.vanish()


def _comparable(modes: list[Any]) -> list[Any]:
    """Without the bit by which the kernel notes that input waits to be read again (PENDIN)."""
    return [*modes[:3], modes[3] & ~termios.PENDIN, *modes[4:]]


@contextmanager
def screen(
    command: Sequence[str], environment: Mapping[str, str], columns: int = 100, rows: int = 30
) -> Iterator[Screen]:
    """A program on a terminal of its own, ended with the context."""
    opened = Screen(command, environment, columns, rows)
    try:
        yield opened
    finally:
        opened.close()
