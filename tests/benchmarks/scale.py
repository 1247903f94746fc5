"""What is asked most, in a store of a million jobs and in one of ten million, against one of a thousand.

Commands are measured as processes, turns with the store in here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from tests.benchmarks.filling import dead_job, fill
from tests.benchmarks.ground import new_home, program, spend
from tests.benchmarks.measuring import Finding, Goal, Measure, Pairs, Unmeasured, compared, interleave
from tests.benchmarks.options import Options
from tests.benchmarks.turns import Claimant

SMALL = 1000
REPETITIONS = 10
TURNS = 150
"""How often each step is taken, two jobs claimed each time: all that are ready in the small store."""

WARM_UP = 20
GOAL = Goal(1.3, want=1.1)


def measure(options: Options) -> Iterator[Finding]:
    """Milliseconds a command and microseconds a turn, large against small."""
    yield from _large_and_small(options.many)
    if options.huge:
        yield from _large_and_small(options.huge)
    else:
        yield Unmeasured("scale, the largest store", "--huge is 0")


def _large_and_small(large: int) -> Iterator[Measure]:
    with new_home() as many, new_home() as few:
        yield from _filled(many, large)
        fill(few, SMALL)
        yield from _commands(many, few, large)
        with SqliteStore(many) as store, SqliteStore(few) as small_store:
            steps = [_steps(Claimant(store), Claimant(small_store)) for _ in range(WARM_UP + TURNS)][WARM_UP:]
    for at, what in enumerate(("claim", "result", "result and next claim")):
        pairs = Pairs([step.ours[at] for step in steps], [step.other[at] for step in steps])
        yield compared(f"{what}, {large} | {SMALL} jobs", "µs", pairs.scaled(1e6), GOAL)


def _filled(home: Home, large: int) -> Iterator[Measure]:
    began = time.perf_counter()
    fill(home, large)
    seconds = time.perf_counter() - began
    size = os.path.getsize(home.database) / 1e9
    yield Measure(f"a store of {large} jobs: filled in", "s", seconds, None, (seconds, seconds))
    yield Measure(f"a store of {large} jobs: size", "GB", size, None, (size, size))


def _commands(many: Home, few: Home, large: int) -> Iterator[Measure]:
    for words in (("list", "--limit", "50"), ("status",), ("show",), ("dlq", "list", "--limit", "50")):
        ours, other = (
            program(home, *words, *([dead_job(size)] if words == ("show",) else []))
            for home, size in ((many, large), (few, SMALL))
        )
        pairs = interleave(
            lambda: spend(ours),  # noqa: B023 - called in this turn of the loop alone
            lambda: spend(other),  # noqa: B023
            REPETITIONS,
            warm_up=1,
        )
        yield compared(f"{' '.join(words)}, {large} | {SMALL} jobs", "ms", pairs.scaled(1e3), GOAL)


def _steps(large: Claimant, small: Claimant) -> Pairs:
    """The seconds of a claim, of a result, and of both in one, on both sides in turn."""
    claims = large.claim(), small.claim()
    both = large.turn(), small.turn()
    results = large.finish(), small.finish()
    ours, other = zip(claims, results, both, strict=True)
    return Pairs(list(ours), list(other))
