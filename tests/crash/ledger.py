"""The ledger: what the runs themselves say, in one file outside the store, in the order in which it happened.

Each run appends lines, `job attempt token word`, with O_APPEND; so what no store can tell is told by the
order of lines. A lock for each job, held by a run for as long as a process of it lives, tells of overlaps.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Word(StrEnum):
    """What a run says: that it starts, that it still lives, that it is done; that another run of its job lives."""

    START = "start"
    BEAT = "beat"
    END = "end"
    OVERLAP = "overlap"


class Line(NamedTuple):
    """One line of the ledger: `token` is that of the run, `attempt` its number."""

    job: str
    attempt: int
    token: str
    word: Word


# Sourced by each command, which sets `gate`, `beats` and `pause`. The lock is let go when the last process that
# inherited it has gone: flock(2).
SCRIPT = """
note() {{ echo "$QUEUECTL_JOB_ID $QUEUECTL_ATTEMPT $QUEUECTL_RUN_TOKEN $1" >> '{lines}'; }}
exec 9>> '{locks}'/$QUEUECTL_JOB_ID
flock -n 9 || note overlap
note start
until [ -e "$gate" ]; do sleep $pause; done
while [ $beats -gt 0 ]; do sleep $pause; note beat; beats=$((beats - 1)); done
note end
"""


class Ledger:
    """A ledger in a folder of its own, and the commands that write to it."""

    def __init__(self, folder: Path) -> None:
        locks = folder / "locks"
        locks.mkdir(parents=True)
        self._lines = folder / "lines"
        self._lines.touch()
        self._script = folder / "job.sh"
        self._script.write_text(SCRIPT.format(lines=self._lines, locks=locks))

    def command(self, beats: int = 0, pause: float = 0.02, then: str = "exit 0", gate: Path = Path("/")) -> str:
        """Shell text that starts, waits until the file `gate` is there, sleeps `pause` seconds before each of its
        beats, ends, and goes on with `then`."""
        return f"gate='{gate}' beats={beats} pause={pause}; . '{self._script}'; {then}"

    def lines(self) -> list[Line]:
        """What was written so far, oldest first."""
        found = []
        for line in self._lines.read_text().splitlines():
            job, attempt, token, word = line.split(" ")
            found.append(Line(job, int(attempt), token, Word(word)))
        return found

    def size(self) -> int:
        """How long it is, in bytes: cheap to look at while it grows."""
        return self._lines.stat().st_size

    def has(self, job: str, word: Word) -> bool:
        """Whether a run of the job said this."""
        return any(line.job == job and line.word is word for line in self.lines())
