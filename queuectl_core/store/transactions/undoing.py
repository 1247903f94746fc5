"""How a change is taken back: each job as it was, where nothing has happened to it since.

For retries, cancellations of waiting jobs, priorities and instants. What was deleted does not come back, and the
statistics keep what they have counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from queuectl_core.model.job import Job, JobState
from queuectl_core.store.statements import Statement, Steps, write
from queuectl_core.store.transactions.bulk import GONE, Moved, waking
from queuectl_core.store.transactions.stretches import jobs_numbered

MOVED_ON = "has moved on"
RUNNING = "is processing"

RESTORED = (
    "state",
    "due",
    "priority",
    "attempts",
    "started_at",
    "finished_at",
    "exit_code",
    "signal",
    "error",
    "worker",
    "updated_at",
)
"""The columns that are put back; a change of any other is not undone here.

The instant of the last change is among them, so that a job is again exactly what an earlier change has left, which can
then be undone, too.
"""


@write
def undo_each(pairs: Sequence[tuple[Job, Job]]) -> Steps[Moved]:
    """Put each job back to the first of its pair where it is still exactly as the second; at most 500 a call.

    What waits again is due at its own instant, which may have passed meanwhile. Skipped is what "has moved on", what
    "is gone", and what "is processing" or was, since nobody can be given its run back.
    """
    found = yield from jobs_numbered([after.number for _, after in pairs])
    present = {job.number: job for job in found}
    moved = Moved([], [], {})
    skipped: Counter[str] = Counter()
    for before, after in pairs:
        if why := _reason_against(before, after, present.get(after.number)):
            skipped[why] += 1
            continue
        values = {column: getattr(before, column) for column in RESTORED}
        [row] = yield Statement("put_back", {"number": after.number, **values})
        moved.jobs.append(Job.from_row(row))
        moved.before.append(after)
        present[after.number] = moved.jobs[-1]  # a second pair of the same job finds it moved
    yield waking(moved.jobs)
    return moved._replace(skipped=dict(skipped))


def _reason_against(before: Job, after: Job, present: Job | None) -> str:
    if present is None:
        return GONE
    if present != after:
        return MOVED_ON
    return RUNNING if JobState.PROCESSING in (before.state, after.state) else ""
