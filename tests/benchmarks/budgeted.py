"""`queuectl` whose workers add up where their time goes: `python -m tests.benchmarks.budgeted FILE ARGUMENTS`.

Each worker writes a line of JSON into FILE at its end: seconds by part, and how many runs it had. A part's time is what
passed in it, but for what passed in another that it called. A call that is timed takes half a microsecond longer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from queuectl_core.cli.main import main
from queuectl_core.execution import running
from queuectl_core.execution.lent_logs import LogMaker
from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.running import Runner
from queuectl_core.execution.watch import Watch
from queuectl_core.execution.worker import Worker
from queuectl_core.store.sqlite.gate import Gate
from queuectl_core.store.sqlite.store import SqliteStore

CLAIM, FINISH, TALLY = "claim", "finish", "counts, minute and histograms"
COMMIT, LINE, TURN = "begin and commit", "stand in line at the gate", "turn: the rest, in Python"
SPAWN, WAIT, COLLECT = "spawn", "wait", "collect strays"
LOG, NOTE, REST = "log file", "notes in the lock file", "worker: all else"

STATEMENTS = {
    **dict.fromkeys(("held_jobs", "end_jobs", "put_off_jobs", "release_jobs", "end_runs", "insert_tails"), FINISH),
    **dict.fromkeys(("move_counts", "note_minutes", "note_buckets"), TALLY),
}
"""The part that a statement belongs to; those not here are of the claim."""

METHODS: tuple[tuple[type, str, str], ...] = (
    (Worker, "work", REST),
    (Worker, "_take_turn", TURN),
    (SqliteStore, "_attempt", COMMIT),
    (Gate, "enter", LINE),
    (LogMaker, "make", LOG),
    (LogMaker, "keep", LOG),
    (LogMaker, "done", LOG),
    (Hold, "note_start", NOTE),
    (Hold, "note_run", NOTE),
    (Hold, "note_success", NOTE),
    (Hold, "note_reported", NOTE),
    (Runner, "_soon_ended", WAIT),
    (Watch, "until_ended", WAIT),
)
FUNCTIONS = (("start", SPAWN), ("read_end", LOG), ("reap_all", COLLECT))
"""Those of `running`, with their parts."""


class Stopwatch:
    """Adds up the time of parts that call each other."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner = [0.0]

    def timed(self, function: Callable[..., Any], part: Callable[..., str]) -> Callable[..., Any]:
        """The function, its time added to the part that its arguments tell."""

        def timing(*given: Any, **named: Any) -> Any:
            self._inner.append(0.0)
            begun = time.perf_counter()
            try:
                return function(*given, **named)
            finally:
                took = time.perf_counter() - begun
                self.seconds[part(*given)] += took - self._inner.pop()
                self._inner[-1] += took

        return timing


def measure_into(path: str) -> None:
    """Have each worker write its times into a file at its end."""
    watch = Stopwatch()
    for owner, name, part in METHODS:
        setattr(owner, name, watch.timed(getattr(owner, name), lambda *_, part=part: part))
    for name, part in FUNCTIONS:
        setattr(running, name, watch.timed(getattr(running, name), lambda *_, part=part: part))
    play = watch.timed(SqliteStore._play, lambda *_: TURN)
    perform = watch.timed(SqliteStore._perform, lambda _, request, __: STATEMENTS.get(request.name, CLAIM))
    SqliteStore._play, SqliteStore._perform = play, perform  # type: ignore[method-assign]
    work, run = Worker.work, Worker._run
    runs: list[str] = []

    def counted(worker: Worker, token: str, *given: Any) -> Any:
        runs.append(token)
        return run(worker, token, *given)

    def working(worker: Worker) -> None:
        work(worker)
        line = json.dumps({"runs": len(runs), "seconds": watch.seconds}) + "\n"
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, line.encode())
        os.close(handle)

    Worker._run, Worker.work = counted, working  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    measure_into(sys.argv.pop(1))
    sys.exit(main())
