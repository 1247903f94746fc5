"""Turns with a store as a worker takes them, without anything being run; each step gives the seconds it took."""

from __future__ import annotations

import secrets
import time

from queuectl_core.model.job import Outcome, Result
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.claims import Ask, Report, take_turns
from queuectl_core.store.transactions.places import Places
from queuectl_core.store.transactions.settings import settings


class Claimant:
    """Claims one job at a time, and reports each as completed. Raises RuntimeError where none is left."""

    def __init__(self, store: SqliteStore, worker: str = "bench-1") -> None:
        self._store = store
        self._worker = worker
        self._settings = store.run(settings()).values
        self._places = Places()
        self._report: Report | None = None

    def claim(self) -> float:
        """Claim a job, with none in hand."""
        return self._take(None, claims=True)

    def turn(self) -> float:
        """Report the job in hand, if there is one, and claim the next."""
        return self._take(self._report, claims=True)

    def finish(self) -> float:
        """Report the job in hand."""
        return self._take(self._report, claims=False)

    def _take(self, report: Report | None, *, claims: bool) -> float:
        asks = [Ask(self._worker, secrets.token_hex(16))] if claims else []
        turn = take_turns([report] if report else [], asks, places=self._places)
        began = time.perf_counter()
        claimed = self._store.run(turn).claimed
        seconds = time.perf_counter() - began
        if claims and not claimed:
            raise RuntimeError("there was no job left to claim")
        done = Result(Outcome.COMPLETED, 0)
        self._report = Report(claimed[0].job.number, claimed[0].token, done, self._settings) if claimed else None
        return seconds
