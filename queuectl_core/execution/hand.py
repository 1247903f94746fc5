"""What a worker has in hand: jobs it claimed and has not begun, results it has not yet reported.

A worker whose jobs are short claims several in one transaction and reports them together, since a
transaction costs as much as a short command. No job waits behind a long one for that: what lasts longer
than `SHORT_MS` makes the worker report, give back what it has not begun, and claim one at a time again.
Only successes wait for others: they stand in the worker's lock file too, so that a crash does not lose them.
"""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

from queuectl_core.model.job import Outcome
from queuectl_core.store.transactions.claims import Held, Report

SHORT_MS = 20
"""A run that takes no longer than this is short."""

MOST_CLAIMED = 8
"""How many jobs a worker has in hand at most."""

RESULT_PATIENCE = 0.01
"""Seconds that a result may wait for others before it is reported."""


class Finished(NamedTuple):
    """A result that is not yet reported; `at` is when its run ended, on the monotonic clock."""

    report: Report
    at: float


class Hand:
    """The hand of one worker."""

    def __init__(self) -> None:
        self.claimed: deque[Held] = deque()
        self._finished: list[Finished] = []
        self._pace = 1

    def take(self, claimed: list[Held]) -> None:
        """Take up jobs that were claimed, the best first."""
        better = sorted([*self.claimed, *claimed], key=lambda held: (-held.job.priority, held.job.due, held.job.number))
        self.claimed = deque(better)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to begin and nothing to report."""
        return not (self.claimed or self._finished)

    def wanted(self) -> int:
        """How many more jobs to claim."""
        return self._pace - len(self.claimed)

    def first_look(self, otherwise: float) -> float:
        """Seconds into a run until it must be looked at: soon, while others wait behind it."""
        return otherwise if self.empty else SHORT_MS / 1000

    def add(self, report: Report) -> None:
        """Take in a result, and learn from it how many jobs to claim at once."""
        self._finished.append(Finished(report, time.monotonic()))
        short = report.result.duration_ms <= SHORT_MS
        self._pace = min(MOST_CLAIMED, self._pace * 2) if short else 1

    def slow_down(self) -> None:
        """Claim one job at a time from now on."""
        self._pace = 1

    def must_report(self) -> bool:
        """Whether a turn with the store is due: nothing is left to begin, or a result cannot wait longer."""
        if not self.claimed:
            return True
        if any(report.result.outcome is not Outcome.COMPLETED for report, _ in self._finished):
            return True
        return bool(self._finished) and time.monotonic() - self._finished[0].at > RESULT_PATIENCE

    def reports(self) -> list[Report]:
        """The results to report, with how late each is by now."""
        now = time.monotonic()
        return [report._replace(late_ms=round((now - at) * 1000)) for report, at in self._finished]

    def reported(self, count: int) -> None:
        """Forget the first results: they are stored, or will not be."""
        del self._finished[:count]
