"""What a transaction of workers adds up as it goes, and writes once: counts of jobs, and what happened in the minute.

A trigger keeps the counts of all moves but those into and out of `processing`. These come eight and more in one
transaction, most of them from one state to another of one queue, so they are added up here.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from queuectl_core.model.histogram import bucket_of
from queuectl_core.model.job import ENDED, Job, JobState, Outcome, Result
from queuectl_core.store.statements import Many, Steps

MEASURED = (Outcome.COMPLETED, Outcome.FAILED, Outcome.TIMED_OUT)
"""Outcomes whose durations and waiting times count in the statistics."""

OUTCOMES = tuple(outcome.value for outcome in Outcome)


class Tally:
    """What is added up in one transaction, of the instant `now` (ms)."""

    def __init__(self, now: int) -> None:
        self._minute_now = now // 60_000
        self._moves: Counter[tuple[str, str]] = Counter()
        self._minutes: dict[str, dict[str, Any]] = {}
        self._buckets: Counter[tuple[str, str, int]] = Counter()

    def moved(self, queue: str, before: JobState, after: JobState) -> None:
        """A job of the queue went into or out of `processing`."""
        self._moves[queue, before] -= 1
        self._moves[queue, after] += 1

    def ended(self, queue: str) -> None:
        """A job of the queue ended without a run."""
        self._minute(queue)["ended"] += 1

    def ran(self, job: Job, state: JobState, result: Result) -> None:
        """A run of the job ended, and left it in `state`."""
        self.moved(job.queue, JobState.PROCESSING, state)
        minute = self._minute(job.queue)
        minute[result.outcome] += 1
        if state in ENDED:
            minute["ended"] += 1
        if result.outcome not in MEASURED:
            return
        waiting_ms = max(0, (job.started_at or job.due) - job.due)
        minute["duration_ms"] += result.duration_ms
        minute["duration_max_ms"] = max(minute["duration_max_ms"], result.duration_ms)
        minute["waiting_ms"] += waiting_ms
        self._buckets[job.queue, "duration", bucket_of(result.duration_ms)] += 1
        self._buckets[job.queue, "waiting", bucket_of(waiting_ms)] += 1

    def _minute(self, queue: str) -> dict[str, Any]:
        found = self._minutes.get(queue)
        if found is None:
            found = {
                "minute": self._minute_now,
                "queue": queue,
                "ended": 0,
                "duration_ms": 0,
                "duration_max_ms": 0,
                "waiting_ms": 0,
            }
            found.update(dict.fromkeys(OUTCOMES, 0))
            self._minutes[queue] = found
        return found

    def written(self) -> Steps[None]:
        """Write it all down, and begin anew."""
        moves = [(queue, state, n) for (queue, state), n in self._moves.items() if n]
        if moves:
            yield Many("move_counts", moves)
        if self._minutes:
            yield Many("note_minutes", list(self._minutes.values()))
        if self._buckets:
            yield Many("note_buckets", [(self._minute_now, *bucket, n) for bucket, n in self._buckets.items()])
        for kept in (self._moves, self._minutes, self._buckets):
            kept.clear()
