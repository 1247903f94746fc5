"""Turns with a store as a worker takes them, without anything being run; each step gives the seconds it took."""

from __future__ import annotations

import secrets
import time

from queuectl_core.model.job import Outcome, Result
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.claims import Ask, Report, take_turn
from queuectl_core.store.transactions.settings import settings


class Claimant:
    """Claims one job at a time, and reports each as completed. Raises RuntimeError where none is left."""

    def __init__(self, store: SqliteStore, worker: str = "bench-1") -> None:
        self._store = store
        self._worker = worker
        self._settings = store.run(settings()).values
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
        token = secrets.token_hex(16)
        turn = take_turn(report, Ask(self._worker, token) if claims else None)
        began = time.perf_counter()
        job = self._store.run(turn).job
        seconds = time.perf_counter() - began
        if claims and job is None:
            raise RuntimeError("there was no job left to claim")
        self._report = Report(job.number, token, Result(Outcome.COMPLETED, 0), self._settings) if job else None
        return seconds
