"""Where the time of one short job goes in its worker, part by part, in a drain by two workers and in one by one.

With two, the parts also hold what the other worker and the shells of both kept the cores busy with.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.budgeted import (
    CLAIM,
    COLLECT,
    COMMIT,
    FINISH,
    LINE,
    LOG,
    NOTE,
    REST,
    SPAWN,
    TALLY,
    TURN,
    WAIT,
)
from tests.benchmarks.ground import enqueue_many, new_home, spend
from tests.benchmarks.measuring import Measure, alone
from tests.benchmarks.options import Options

REPETITIONS = 3
PARTS = (CLAIM, SPAWN, WAIT, FINISH, TALLY, COMMIT, LINE, TURN, LOG, NOTE, COLLECT, REST)


def measure(options: Options) -> Iterator[Measure]:
    """Microseconds a job, by part."""
    for workers in (1, 2):
        found = [_budget(options.jobs, workers) for _ in range(REPETITIONS)]
        for part in PARTS:
            yield alone(f"a job of {workers} worker(s): {part}", "µs", [one[part] for one in found])
        yield alone(f"a job of {workers} worker(s): together", "µs", [sum(one.values()) for one in found])


def _budget(jobs: int, workers: int) -> dict[str, float]:
    with new_home() as home:
        enqueue_many(home, "true", jobs)
        told = Path(home.path, "budget")
        program = (sys.executable, "-m", "tests.benchmarks.budgeted", str(told), "--home", home.path)
        spend([*program, "worker", "start", "--count", str(workers), "--drain"])
        lines = [json.loads(line) for line in told.read_text().splitlines()]
    runs = sum(line["runs"] for line in lines)
    return {part: sum(line["seconds"].get(part, 0.0) for line in lines) / runs * 1e6 for part in PARTS}
