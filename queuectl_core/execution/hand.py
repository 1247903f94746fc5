"""What a worker has in hand: jobs it claimed and has not begun, results it has not yet reported.

A worker whose jobs are short claims several in one transaction and reports them together, since a
transaction costs as much as a short command. It takes that turn with the store while the last of them runs, so that
the next command is begun the moment this one ends; where jobs are longer, but not long, it claims one ahead like this.
No job waits behind a long one for that: what lasts longer than `SHORT_MS`, or `AHEAD_MS` where one waits, makes the
worker give back what it has not begun.
Only successes wait for others: they stand in the worker's lock file too, so that a crash does not lose them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from queuectl_core.model.job import Outcome
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.claims import Held, Report, Turns

SHORT_MS = 20
"""A run that takes no longer than this is short."""

AHEAD_MS = 100
"""A run that takes no longer than this has the next job claimed ahead: of a longer one, a turn is not a hundredth."""

MOST_CLAIMED = 24
"""How many jobs a worker claims at once at most, and how many results it keeps: its lock file has room for so many."""

HAND_MS = 50
"""How long what a worker claims at once takes together, where each job takes as long as the one before."""

RESULT_PATIENCE = 0.025
"""Seconds that a result may wait for others before it is reported."""


class Finished(NamedTuple):
    """A result that is not yet reported; `at` is when its run ended, in seconds of the monotonic clock."""

    report: Report
    at: float


class OpenTurn(NamedTuple):
    """A turn that the store did not answer: perhaps it was taken. `reports` are of the first results in hand."""

    transaction: Transaction[Turns]
    reports: list[Report]


class Hand:
    """The hand of one worker."""

    def __init__(self) -> None:
        self.claimed: deque[Held] = deque()
        self.returning: list[Held] = []
        """What is being given back: perhaps it was, and only the answer was lost, so it is not ours to begin."""
        self._finished: list[Finished] = []
        self._urgent = False
        """Whether one of the results waits for no others."""
        self._pace = 1
        self._ahead = False

    def take(self, claimed: list[Held]) -> None:
        """Take up jobs that were claimed, the best first."""
        better = sorted([*self.claimed, *claimed], key=lambda held: (-held.job.priority, held.job.due, held.job.number))
        self.claimed = deque(better)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to begin, nothing to report and nothing to give back."""
        return not (self.claimed or self._finished or self.returning)

    def give_back(self) -> list[Held]:
        """What is to be given back from now on, until `returning` is emptied: all that was claimed and not begun."""
        self.returning += self.claimed
        self.claimed.clear()
        return list(self.returning)

    def wanted(self) -> int:
        """How many more jobs to claim."""
        return self._pace - len(self.claimed)

    def looks_ahead(self) -> bool:
        """Whether to take the next turn while the last of our jobs runs."""
        return self._ahead and not self.claimed

    def first_look(self, otherwise: float) -> float:
        """Seconds into a run until it must be looked at: soon, while jobs or results wait behind it."""
        if self.claimed:
            return (SHORT_MS if self._pace > 1 else AHEAD_MS) / 1000
        return RESULT_PATIENCE if self._finished else otherwise

    def add(self, finished: Finished) -> None:
        """Take in a result, and learn from it how many jobs to claim at once, and when."""
        self._finished.append(finished)
        self._urgent |= finished.report.result.outcome is not Outcome.COMPLETED
        duration = finished.report.result.duration_ms
        self._pace = min(MOST_CLAIMED, self._pace * 2, HAND_MS // max(1, duration)) if duration <= SHORT_MS else 1
        self._ahead = duration <= AHEAD_MS

    def slow_down(self) -> None:
        """Claim one job at a time from now on, and none ahead: others may be idle."""
        self._pace = 1
        self._ahead = False

    def must_report(self) -> bool:
        """Whether a turn with the store is due: nothing is left to begin, or a result cannot wait longer."""
        if self._urgent or not self.claimed or len(self._finished) >= MOST_CLAIMED:
            return True
        return bool(self._finished) and time.monotonic() - self._finished[0].at > RESULT_PATIENCE

    def reports(self) -> list[Report]:
        """The results to report, with how long ago each run began and ended."""
        now = time.monotonic()
        return [_dated(report, round((now - at) * 1000)) for report, at in self._finished]

    def reported(self, count: int) -> None:
        """Forget the first results: they are stored, or will not be."""
        del self._finished[:count]
        self._urgent = any(report.result.outcome is not Outcome.COMPLETED for report, _ in self._finished)


def stopwatch() -> Callable[[], int]:
    """Begin to measure; what is returned tells, whenever it is asked, how many whole milliseconds have passed."""
    begun = time.monotonic()
    return lambda: int((time.monotonic() - begun) * 1000)


def _dated(report: Report, late_ms: int) -> Report:
    return report._replace(late_ms=late_ms, since_ms=late_ms + report.result.duration_ms)
