"""Where the first jobs of the queues stand: what a claim looks for, and keeps in mind while that is dear.

Jobs that were taken leave dead entries at the head of the index of what is ready. On PostgreSQL nobody may remove
them while somebody holds an old snapshot, and each look at the queues walks through all of them: 0.05 ms for each 1,000
jobs that have finished since. A worker that saw such a look take long begins where it found the first jobs, for 25
times as long as the look took, so that looking costs a twentieth of its time, up to some hundred thousand dead entries.
Meanwhile it may miss a job that comes into another queue, or back to a place before the first; not one of a higher
priority in a queue that it knows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from queuectl_core.store.statements import Statement, Steps

CHEAP_US = 100
"""Microseconds that a look may take without being worth remembering; where nothing is in the way it takes about 40."""

WORTH = 25
"""How many times as long as it took the outcome of a look is kept in mind."""

LONGEST_MS = 1000
"""But no longer than an idle worker sleeps without looking."""


class Head(NamedTuple):
    """An open queue with jobs that are ready: how many of the best that were asked for are in it, and, where the store
    has just looked for it and would do so again, the place of its first (priority, due, number)."""

    queue: str
    wanted: int
    first: list[int]


class Places:
    """What one worker knows of the places of first jobs."""

    def __init__(self) -> None:
        self._known: list[tuple[object, ...]] = []
        self._since = self._until = 0

    def heads(self, queues: Sequence[str], wanted: int, now: int) -> Steps[list[Head]]:
        """The queues of the best `wanted` jobs that are ready, among `queues`, or among all where none is named."""
        values = {"queues": json.dumps(queues) if queues else None, "wanted": wanted, "known": None}
        if self._since <= now < self._until:
            rows = yield Statement("best_queues", {**values, "known": json.dumps(self._known)})
            if sum(row[1] for row in rows) >= wanted:
                return self._heads(rows)
        rows = yield Statement("best_queues", values)
        self._since, self._until = now, now + _worth_ms(rows)
        return self._heads(rows)

    def _heads(self, rows: Sequence[Sequence[Any]]) -> list[Head]:
        self._known = [(queue, *first) for queue, _, *first in (row[:5] for row in rows)]
        return [Head(row[0], row[1], list(row[2:5])) for row in rows if row[1]]


def _worth_ms(rows: Sequence[Sequence[Any]]) -> int:
    """For how long (ms) the outcome of a look is good: none where the store does not say how long it took (µs)."""
    took = rows[0][5] if rows and len(rows[0]) > 5 else 0
    return min(LONGEST_MS, WORTH * max(0, took - CHEAP_US) // 1000)
