"""Output that pours into a log file at a steady rate, as a process beside the one that is measured.

Usage: python -m tests.benchmarks.pouring PATH RATE
"""

from __future__ import annotations

import os
import sys
import time

LINE_BYTES = 60
"""The length of every line: how many were written is told by the size of the file."""

BATCH_SECONDS = 0.01


def line(number: int) -> bytes:
    """A line of output with its number, as a build would write it."""
    start = f"[{number:>9}] cc -O2 -c src/module_{number % 977:03}.c -o module.o"
    return f"{start:{LINE_BYTES - 1}}\n".encode()


def lines(first: int, count: int) -> bytes:
    """So many lines from a number on."""
    return b"".join(line(number) for number in range(first, first + count))


def main(path: str, rate: float) -> None:
    """Append so many lines a second, until we are ended."""
    log = os.open(path, os.O_WRONLY | os.O_APPEND)
    began, written = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * rate) - written
        os.write(log, lines(written + 1, due))
        written += due
        time.sleep(BATCH_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
