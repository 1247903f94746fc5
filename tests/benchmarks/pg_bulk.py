"""Many lines enqueued from a file into PostgreSQL, against Procrastinate's batch defer of as many jobs.

Both are measured as whole processes, each with its schema made before.
"""

from __future__ import annotations

from collections.abc import Iterator

from queuectl_core.model.job import JobState
from queuectl_core.store.opening import open_home
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.bare_insert import command_of
from tests.benchmarks.ground import ROOT, run_folder, spend
from tests.benchmarks.measuring import Finding, Goal, Unmeasured, alone, compared, interleave
from tests.benchmarks.options import Options
from tests.benchmarks.peer_consumers import APPS
from tests.benchmarks.pg_ground import command_on, host, new_store
from tests.benchmarks.pg_peers import PROCRASTINATE, OnServer
from tests.benchmarks.pg_server import Server, durable_server

MOST = 100_000
"""Lines, unless fewer are asked for."""

REPETITIONS = 2
GOAL = Goal(5, at_least=True)


def measure(options: Options) -> Iterator[Finding]:
    """Rows a second; ours alone where the peer is not there."""
    n = min(options.many, MOST)
    path = f"{run_folder()}/pg_bulk.lines"
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(f"{command_of(i)}\n" for i in range(n))
    with durable_server() as server, OnServer(server, options.peers) as place:
        yield server.described()
        if lack := PROCRASTINATE.lack(place):
            yield Unmeasured("pg_bulk: Procrastinate's batch defer", lack)
            rates = [n / _enqueue(server, path, n) for _ in range(REPETITIONS)]
            yield alone(f"enqueue {n} lines on PostgreSQL", "rows/s", rates)
            return
        pairs = interleave(lambda: _enqueue(server, path, n), lambda: _defer(server, place, path), REPETITIONS)
        yield compared(f"enqueue {n} lines | Procrastinate, batch defer", "rows/s", pairs.rates(n), GOAL)


def _enqueue(server: Server, path: str, n: int) -> float:
    with new_store(server) as url:
        seconds = spend(command_on(host(url), "enqueue", "--lines", "--from", path))
        with open_home(host(url)) as store:
            stored = store.run(summary()).jobs[JobState.PENDING]
    if stored != n:
        raise RuntimeError(f"{stored} of {n} lines were stored")
    return seconds


def _defer(server: Server, place: OnServer, path: str) -> float:
    values = {"PYTHONPATH": str(ROOT), "PEER_FOLDER": run_folder(), "PEER_SERVER": server.url}
    app = f"from {APPS}.procrastinate_app import *"
    python = ["env", *(f"{name}={value}" for name, value in values.items()), place.program("python"), "-c"]
    spend([*python, f"{app}; make_schema()"])
    return spend([*python, f"{app}; defer_lines({path!r})"])
