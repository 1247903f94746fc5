"""What `status` costs on a PostgreSQL store of a million jobs and of ten million, against one of a thousand.

First its transactions, from here; then the command as a process.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from queuectl_core.execution.roster import worker_views
from queuectl_core.store.contract import Store
from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.ground import spend
from tests.benchmarks.measuring import Finding, Goal, Measure, Unmeasured, compared, interleave
from tests.benchmarks.options import Options
from tests.benchmarks.pg_filling import Mixture, fill
from tests.benchmarks.pg_ground import command_on, host
from tests.benchmarks.pg_server import Server, durable_server

SMALL = 1000
REPETITIONS, WARM_UP = 30, 3
COMMANDS = 10
GOAL = Goal(50, of_ours=True)


def measure(options: Options) -> Iterator[Finding]:
    """Milliseconds, large against small."""
    with durable_server() as server:
        yield server.described()
        few, _ = _filled(server, SMALL)
        for large in (options.many, options.huge):
            if large:
                yield from _large_and_small(server, large, few)
            else:
                yield Unmeasured("pg_status, the largest store", "--huge is 0")


def _large_and_small(server: Server, large: int, few: str) -> Iterator[Measure]:
    many, seconds = _filled(server, large)
    yield Measure(f"a PostgreSQL store of {large} jobs: filled in", "s", seconds, None, (seconds, seconds))
    with open_home(host(many)) as store, open_home(host(few)) as small:
        pairs = interleave(lambda: _asked(store), lambda: _asked(small), REPETITIONS, WARM_UP)
    yield compared(f"status, its transactions, {large} | {SMALL} jobs", "ms", pairs.scaled(1e3), GOAL)
    ours, other = (command_on(host(url), "status") for url in (many, few))
    pairs = interleave(lambda: spend(ours), lambda: spend(other), COMMANDS, 1)
    yield compared(f"status, the command, {large} | {SMALL} jobs", "ms", pairs.scaled(1e3))


def _filled(server: Server, jobs: int) -> tuple[str, float]:
    """The URL of a store of so many jobs, in a database of its own, and the seconds that it took to fill it."""
    url = server.new_database()
    make_home(host(url))
    began = time.perf_counter()
    fill(url, jobs, Mixture.MIXED)
    return url, time.perf_counter() - began


def _asked(store: Store) -> float:
    began = time.perf_counter()
    worker_views(store)
    store.run(summary())
    return time.perf_counter() - began
