"""Work that takes its time: done in portions in the background, told as it goes, stopped when asked.

What a portion does to the store is handed in; who draws the progress is the app's status line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import Refused
from queuectl_core.model.job import Job

if TYPE_CHECKING:
    from queuectl_core.store.transactions.bulk import Moved


Step = Callable[[list[int]], Awaitable["Moved"]]

_OF_MANY = {"is": "are", "has": "have"}

MOST_UNDONE = 10_000
"""How many jobs an action is remembered for; undoing needs each as it was, and memory is not without end."""


class Work:
    """One action on many jobs: how far it is, and what came of it."""

    def __init__(self, verb: str, total: int | None) -> None:
        self.verb, self.total = verb, total
        self.done = 0
        self.moved = 0
        self._one = "1 job"
        self.skipped: Counter[str] = Counter()
        self.stopped = False
        self.undoable: list[tuple[Job, Job]] = []

    def stop(self) -> None:
        """Do no further portion."""
        self.stopped = True

    async def run(self, numbers: AsyncIterator[Sequence[int]], step: Step, told: Callable[[], None]) -> None:
        """Do all portions, or as many as come before `stop`. Raises what the step raises."""
        async for portion in numbers:
            if self.stopped:
                return
            self.count(await step(list(portion)), len(portion))
            told()

    def count(self, moved: Moved, portion: int) -> None:
        """Take in what became of a portion of so many jobs."""
        self.done += portion
        self.moved += len(moved.before)
        if moved.before:
            self._one = f"job {clean(moved.before[-1].id)}"
        self.skipped.update(moved.skipped)
        self._remember(moved)

    def _remember(self, moved: Moved) -> None:
        if len(self.undoable) < MOST_UNDONE:
            room = MOST_UNDONE - len(self.undoable)
            # Of what was deleted there is nothing to go back from.
            self.undoable += list(zip(moved.before, moved.jobs, strict=False))[:room]

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        if not self.total:
            return f"{self.verb} {self.done:,}"
        share = min(1.0, self.done / self.total)
        filled = round(share * 20)
        return f"{self.verb} {'━' * filled}{'─' * (20 - filled)} {self.done:,} of {self.total:,}"

    def report(self, done: str, nothing: str = "") -> str:
        """What came of it: how many moved, or which where it was one, and why the rest did not.

        `done` is the word for what was done; `nothing` is said in its place where that was none, if it is given.
        """
        moved = self._one if self.moved == 1 else f"{self.moved:,} jobs"
        parts = [f"{done} {moved}" if self.moved or not nothing else nothing]
        if self.skipped:
            rest = ", ".join(f"{n:,} {_said_of(n, reason)}" for reason, n in self.skipped.most_common())
            parts.append(f"left alone: {rest}")
        if self.stopped:
            parts.append("stopped")
        return " · ".join(parts)


def refuse_beside(work: Work | None) -> None:
    """Raises Refused while other work goes on: there is one status line, and one key that stops it."""
    if work is not None:
        raise Refused(f"still {work.verb}", "wait for it, or stop it with ctrl+x")


def _said_of(n: int, reason: str) -> str:
    """A reason, which is worded for one job, for as many."""
    verb, _, rest = reason.partition(" ")
    return f"{_OF_MANY[verb]} {rest}" if n != 1 and verb in _OF_MANY else reason
