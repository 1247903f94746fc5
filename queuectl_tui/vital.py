"""What the header shows of the queue, and how it is read."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.queues import queues
from queuectl_core.store.transactions.statistics import WINDOWS, minutes_since, rate
from queuectl_tui.session import Session

SPARKS = 10
"""Minutes in the sparkline of the header."""


class Vital(NamedTuple):
    """Jobs by state, how many end a second, and how many ended in each of the last minutes."""

    jobs: dict[JobState, int]
    a_second: float = 0.0
    a_minute: tuple[int, ...] = ()


async def read_vital(session: Session) -> Vital:
    """Read it. Raises a StoreError."""
    jobs = dict.fromkeys(JobState, 0)
    for queue in await session.read(queues()):
        for state, n in queue.jobs.items():
            jobs[state] += n
    ended: dict[int, int] = {}
    for minute in await session.read(minutes_since(SPARKS + 1)):
        ended[minute.minute] = ended.get(minute.minute, 0) + minute.ended
    now = session.now()
    a_minute = tuple(ended.get(now // 60_000 - back, 0) for back in range(SPARKS - 1, -1, -1))
    return Vital(jobs, rate(ended, now, WINDOWS["1m"]), a_minute)
