"""Jobs that arrive and finish at a steady rate, as a process beside the one that is measured.

Usage: python -m tests.benchmarks.finishing HOME RATE
"""

from __future__ import annotations

import sys
import time

from queuectl_core.model.job import NewJob, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.claims import Ask, Report, take_turn

BATCH = 50
"""How many jobs arrive together: each arrival waits for the disk."""

_QUEUE = "steady"
_ROWS = [row_of(NewJob("convert input.png output.jpg", queue=_QUEUE), "/")] * BATCH
_SETTINGS = Settings.from_texts({})


def main(home: str, rate: float) -> None:
    """Claim and end a job so many times a second, until we are ended; a batch of them arrives at a time."""
    with SqliteStore(Home(home)) as store:
        began, n = time.monotonic(), 0
        while True:
            if n % BATCH == 0:
                store.run(enqueue_rows(lambda: [_ROWS], str))
            _finish_one(store, f"token-{n}")
            n += 1
            time.sleep(max(0.0, began + n / rate - time.monotonic()))


def _finish_one(store: SqliteStore, token: str) -> None:
    job = store.run(take_turn(None, Ask("steady-1", token, (_QUEUE,)))).job
    if job is None:
        raise RuntimeError("the job that was put in is not handed out")
    store.run(take_turn(Report(job.number, token, Result(Outcome.COMPLETED, 0), _SETTINGS, 0.0), None))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
