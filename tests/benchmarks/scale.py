"""What is asked most, in a store of a million jobs against one of a thousand.

Commands are measured as processes, claims in here.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from queuectl_core.model.job import Outcome, Result
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.claims import Ask, Report, take_turn
from queuectl_core.store.transactions.settings import settings
from tests.benchmarks.filling import dead_job, fill
from tests.benchmarks.ground import new_home, program, spend
from tests.benchmarks.measuring import Goal, Measure, compared, interleave
from tests.benchmarks.options import Options

SMALL = 1000
REPETITIONS = 15
TURNS = 300
WARM_UP = 20
GOAL = Goal(1.5)


def measure(options: Options) -> Iterator[Measure]:
    """Milliseconds a command and microseconds a turn, large against small."""
    large = options.many
    sizes = f"{large} | {SMALL} jobs"
    with new_home() as many, new_home() as few:
        fill(many, large)
        fill(few, SMALL)
        for what, of_many, of_few in (
            ("list --limit 50", ["list", "--limit", "50"], ["list", "--limit", "50"]),
            ("status", ["status"], ["status"]),
            ("show", ["show", dead_job(large)], ["show", dead_job(SMALL)]),
        ):
            ours, other = program(many, *of_many), program(few, *of_few)
            pairs = interleave(
                lambda: spend(ours).seconds,  # noqa: B023 - called in this turn of the loop alone
                lambda: spend(other).seconds,  # noqa: B023
                REPETITIONS,
                warm_up=1,
            )
            yield compared(f"{what}, {sizes}", "ms", pairs.scaled(1e3), GOAL)
        with SqliteStore(many) as store, SqliteStore(few) as small_store:
            pairs = interleave(Claimant(store).turn, Claimant(small_store).turn, TURNS, WARM_UP)
        yield compared(f"result and next claim, {sizes}", "µs", pairs.scaled(1e6), GOAL)


class Claimant:
    """Takes turns as a worker does, without running anything."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._settings = store.run(settings()).values
        self._report: Report | None = None

    def turn(self) -> float:
        """Report the last job as completed and claim the next; the seconds that took."""
        token = secrets.token_hex(16)
        turn = take_turn(self._report, Ask("bench-1", token))
        began = time.perf_counter()
        job = self._store.run(turn).job
        seconds = time.perf_counter() - began
        if job is None:
            raise RuntimeError("there was no job left to claim")
        self._report = Report(job.number, token, Result(Outcome.COMPLETED, 0), self._settings)
        return seconds
