"""What a user would pick instead, draining the same shells two at a time, in turn with ours.

Both are measured from the start of what runs jobs until all are done, with the jobs enqueued and the server running
before. Whoever has no command that ends by itself is not charged for its end; ours is. Beside a rate belongs what it is
paid for:

| peer | what it keeps | what a crash costs |
|---|---|---|
| `xargs -P` [1] | nothing | who had which job, and the rest of the list |
| GNU parallel [2] | nothing, `--joblog` a line a job when asked for | the same; `--resume` goes by the job log |
| task-spooler [3] | the queue, in the memory of its server, a waiting process a job | the whole queue |
| Huey on SQLite [4] | what waits; a taken job is a deleted row | the jobs that were running |
| Procrastinate [5] | every job and its events, `fsync` at each commit | running jobs stay `doing`; own code retries |
| PgQueuer [6] | what waits, a log of states; a batch of ends a commit | its batch runs again, the done jobs in it too |
| RQ [7] | results for 500 s, in memory, a snapshot at times [10] | running jobs end as failed; what no snapshot has |
| Celery [8] | what waits, likewise [10] | the jobs that were running, acknowledged before they start; likewise |
| Dramatiq [9] | what waits, likewise [10] | nothing of its own, it delivers again; likewise |

Ours keeps every job, attempt and output, and a job whose worker was killed is run again. `xargs` is what `drain.py`
measures against.

1. https://www.gnu.org/software/findutils/manual/html_node/find_html/Invoking-xargs.html
2. https://www.gnu.org/software/parallel/man.html
3. https://manpages.debian.org/bookworm/task-spooler/tsp.1.en.html
4. https://huey.readthedocs.io/en/stable/signals.html (`SIGNAL_INTERRUPTED`), `SqliteStorage.dequeue` in huey/storage.py
5. https://procrastinate.readthedocs.io/en/stable/howto/production/retry_stalled_jobs.html
6. https://github.com/janbjorge/pgqueuer/blob/main/docs/guides/heartbeat.md, pgqueuer/core/buffers.py
7. https://python-rq.org/docs/job_registries/, https://github.com/rq/rq/blob/master/docs/benchmark.md
8. https://docs.celeryq.dev/en/stable/userguide/configuration.html#task-acks-late
9. https://redis.io/docs/latest/integrate/dramatiq/
10. https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

from tests.benchmarks.drain import drained
from tests.benchmarks.measuring import Finding, Goal, Unmeasured, compared, interleave
from tests.benchmarks.options import Options
from tests.benchmarks.peer_consumers import CONSUMERS
from tests.benchmarks.peer_place import Peer, Place
from tests.benchmarks.peer_tools import TOOLS

WORKERS = 2
REPETITIONS = 2
GOAL = Goal(1, at_least=True)
"""As fast as it."""

FAILURES = (OSError, RuntimeError, subprocess.SubprocessError)
"""What keeps one peer from being measured, and no other."""


def measure(options: Options) -> Iterator[Finding]:
    """Jobs a second, ours against those of each peer that is there; the others by name, with what they lack.

    With `options.peers`, those that are Python packages are installed first, in an environment of their own.
    """
    with ExitStack() as stack:
        place = stack.enter_context(Place(install=getattr(options, "peers", False)))
        for peer in (*TOOLS, *CONSUMERS):
            yield _against(peer, place)


def _against(peer: Peer, place: Place) -> Finding:
    if lack := peer.lack(place):
        return Unmeasured(f"peers: {peer.name}", lack)
    n = peer.jobs
    try:
        pairs = interleave(lambda: drained("true", n, WORKERS), lambda: peer.seconds(place), REPETITIONS)
    except FAILURES as error:
        return Unmeasured(f"peers: {peer.name}", f"{type(error).__name__}: {error}")
    return compared(f"drain {n} × true: ours | {peer.name}", "jobs/s", pairs.rates(n), GOAL)
