"""`queuectl` whose workers need no time for a command, and count what they ask of SQLite.

    python -m tests.execution.counted FILE ARGUMENTS OF QUEUECTL

Each worker writes into FILE, as a line of JSON at its end, how many statements it ran of each first word.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from typing import Any

from queuectl_core.cli.main import main
from queuectl_core.execution.running import Ran, Runner
from queuectl_core.execution.worker import Worker
from queuectl_core.model.job import Outcome, Result

DONE = Result(Outcome.COMPLETED, 0, duration_ms=1, output_bytes=0)


def count_into(path: str) -> None:
    """Have each worker count, and write it into a file at its end."""
    work = Worker.work
    words: Counter[str] = Counter()

    def note(statement: str) -> None:
        if not statement.startswith("--"):  # what a trigger does
            words[statement.split(None, 1)[0].upper()] += 1

    def working(worker: Any) -> None:
        worker._store._connection.set_trace_callback(note)
        work(worker)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, (json.dumps(words) + "\n").encode())
        os.close(handle)

    Worker.work = working  # type: ignore[method-assign, assignment]
    Runner.run = lambda *_: Ran(DONE, time.monotonic())  # type: ignore[method-assign]


if __name__ == "__main__":
    count_into(sys.argv.pop(1))
    sys.exit(main())
