"""The ledger: what the runs themselves say, in files outside the store, in the order in which it happened.

Each run appends lines, `job attempt token word [detail]`, with O_APPEND; so what no store can tell is told by the
order of lines. A file for each job: not every file system keeps two appends of the same instant apart, and runs of one
job never write at once. The file's lock, held by a run for as long as a process of it lives, tells if they do.
"""

from __future__ import annotations

import os
import re
import time
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from queuectl_core.execution.processes import boot_clock_ns


class Word(StrEnum):
    """What a run says: that it starts, that it still lives, that it is done; that another run of its job lives."""

    START = "start"
    BEAT = "beat"
    END = "end"
    OVERLAP = "overlap"


class Line(NamedTuple):
    """One line of the ledger: `token` is that of the run, `attempt` its number.

    A start says when it was: at `at` (ms since the epoch) or less than `RESOLUTION` later. An end says with which
    exit `status` the command is about to leave; None where it leaves in another way.
    """

    job: str
    attempt: int
    token: str
    word: Word
    at: int | None = None
    status: int | None = None


LOUD = "01234567"
"""What the token of a run begins with that prints what it says, too; the others print nothing."""

RESOLUTION = 10
"""How finely a start is dated, in ms: /proc/uptime, which a shell reads without a process of its own."""

# Sourced by each command, which sets `gate`, `beats`, `pause` and `status`. The lock is let go when the last process
# that inherited it has gone: flock(2).
SCRIPT = """
case $QUEUECTL_RUN_TOKEN in [{loud}]*) loud=1 ;; *) loud= ;; esac
note() {{
    echo "$QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT $QUEUECTL_RUN_TOKEN $1" >&9
    [ -z "$loud" ] || echo "$QUEUECTL_RUN_TOKEN $1"
}}
read -r now _ < /proc/uptime
exec 9>> '{jobs}'/$QUEUECTL_JOB_ID
flock -n 9 || note overlap
note "start $now"
until [ -e "$gate" ]; do sleep $pause; done
while [ $beats -gt 0 ]; do sleep $pause; note beat; beats=$((beats - 1)); done
note "end $status"
"""

# The parent is the worker; where that is gone, whoever takes in orphans. Only what carries our home is ours to kill.
KILLS_ITS_WORKER = 'grep -qs "QUEUECTL_HOME=$QUEUECTL_HOME" /proc/$PPID/environ && kill -9 $PPID; sleep 60'
"""What a command goes on with that kills its worker, and is there until somebody ends it."""


class Ledger:
    """A ledger in a folder of its own, and the commands that write to it."""

    def __init__(self, folder: Path) -> None:
        self._jobs = folder / "jobs"
        self._jobs.mkdir(parents=True)
        self._script = folder / "job.sh"
        self._script.write_text(SCRIPT.format(jobs=self._jobs, loud=LOUD))
        self._boot = _boot_ms()

    def command(self, beats: int = 0, pause: float = 0.02, then: str = "exit 0", gate: Path = Path("/")) -> str:
        """Shell text that starts, waits until the file `gate` is there, sleeps `pause` seconds before each of its
        beats, ends, and goes on with `then`."""
        leaves = re.fullmatch(r"exit (\d+)", then)
        status = leaves[1] if leaves else "-"
        return f"gate='{gate}' beats={beats} pause={pause} status={status}; . '{self._script}'; {then}"

    def lines(self) -> list[Line]:
        """What was written so far: job after job, the oldest line of each first."""
        return [line for file in sorted(self._jobs.iterdir()) for line in self._of(file.name)]

    def size(self) -> int:
        """How long it is, in bytes: cheap to look at while it grows."""
        with os.scandir(self._jobs) as files:
            return sum(file.stat().st_size for file in files)

    def has(self, job: str, word: Word) -> bool:
        """Whether a run of the job said this."""
        return any(line.word is word for line in self._of(job))

    def _of(self, job: str) -> list[Line]:
        # The wall clock may have been slewed meanwhile: the later reading accuses nobody who is innocent.
        boot = max(self._boot, _boot_ms())
        try:
            return [_read(line, boot) for line in (self._jobs / job).read_text().splitlines()]
        except FileNotFoundError:  # It has not begun.
            return []


def _read(text: str, boot: int) -> Line:
    job, attempt, token, word, *detail = text.split()
    at = status = None
    if word == Word.START:
        at = boot + round(float(detail[0]) * 1000)
    if word == Word.END and detail[0] != "-":
        status = int(detail[0])
    return Line(job, int(attempt), token, Word(word), at, status)


def _boot_ms() -> int:
    """When the machine booted, in ms since the epoch, rounded up."""
    return -((boot_clock_ns() - time.time_ns()) // 1_000_000)
