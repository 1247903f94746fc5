"""Jobs that do nothing, drained from PostgreSQL by two hosts of one worker each, against peers doing the same.

All are measured as whole processes, from their start to their end, in turn on the same server.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from tests.benchmarks.measuring import Finding, Goal, Unmeasured, compared, interleave
from tests.benchmarks.options import Options
from tests.benchmarks.peer_consumers import Consumer
from tests.benchmarks.pg_ground import drained
from tests.benchmarks.pg_peers import PGQUEUER, PROCRASTINATE, OnServer
from tests.benchmarks.pg_server import Server, durable_server

HOSTS = 2
REPETITIONS = 3
GOAL = Goal(1.5, at_least=True)

FAILURES = (OSError, RuntimeError, subprocess.SubprocessError)
"""What keeps one peer from being measured, and not the other."""


def measure(options: Options) -> Iterator[Finding]:
    """Jobs a second, ours against those of each peer that is there."""
    with durable_server() as server, OnServer(server, options.peers) as place:
        yield server.described()
        # Half of the jobs for the one that takes four times as long.
        for peer, jobs in ((PROCRASTINATE, options.jobs // 2), (PGQUEUER, options.jobs)):
            yield _against(peer._replace(jobs=jobs), server, place)


def _against(peer: Consumer, server: Server, place: OnServer) -> Finding:
    if lack := peer.lack(place):
        return Unmeasured(f"pg_drain: {peer.name}", lack)
    n = peer.jobs
    try:
        pairs = interleave(lambda: drained(server, "true", n, HOSTS), lambda: peer.seconds(place), REPETITIONS)
    except FAILURES as error:
        return Unmeasured(f"pg_drain: {peer.name}", f"{type(error).__name__}: {error}")
    what = f"drain {n} × true, {HOSTS} hosts of 1 worker | {peer.name}"
    return compared(what, "jobs/s", pairs.rates(n), GOAL)
