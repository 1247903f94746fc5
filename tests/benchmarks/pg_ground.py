"""What the benchmarks of the PostgreSQL store stand on: hosts, which are homes of their own, and their processes."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from queuectl_core.execution.roster import WorkerState, worker_views
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.statistics import summary
from tests.benchmarks.ground import PATIENCE, end, program, run_folder, spend, start
from tests.benchmarks.pg_server import Server


@contextmanager
def new_store(server: Server) -> Iterator[str]:
    """The URL of a store with nothing in it, in a schema of its own."""
    with server.new_schema() as url:
        make_home(host(url))
        yield url


def host(url: str) -> Home:
    """A new home of a store at this URL: on one machine, each is a host."""
    return Home(f"{tempfile.mkdtemp(dir=run_folder())}/home", url)


def command_on(home: Home, *arguments: str) -> list[str]:
    """The command line of `queuectl` on a host."""
    return program(home, "--store", str(home.url), *arguments)


def enqueue_copies(url: str, command: str, n: int) -> None:
    """Store `n` jobs of one command, from a host of their own."""
    home = host(url)
    rows = [row_of(NewJob(command), home.path)] * n
    with open_home(home) as store:
        store.run(enqueue_rows(lambda: [rows], str))


def completed(url: str) -> int:
    """How many jobs of a store are completed."""
    with open_home(host(url)) as store:
        return store.run(summary()).jobs[JobState.COMPLETED]


def drained(server: Server, command: str, n: int, hosts: int) -> float:
    """Seconds from the start of so many hosts of one worker each until they have done `n` jobs, and are gone."""
    with new_store(server) as url:
        enqueue_copies(url, command, n)
        commands = (command_on(host(url), "worker", "start", "--count", "1", "--drain") for _ in range(hosts))
        together = "".join(f"{shlex.join(one)} 2>/dev/null & " for one in commands)
        seconds = spend(["sh", "-c", f"{together} wait"])
        done = completed(url)
    if done != n:
        raise RuntimeError(f"{done} of {n} jobs were completed")
    return seconds


@contextmanager
def running_hosts(url: str, hosts: int) -> Iterator[None]:
    """So many hosts of one idle worker each."""
    pools = [start(command_on(host(url), "worker", "start", "--count", "1")) for _ in range(hosts)]
    try:
        _wait_until_idle(url, hosts)
        yield
    finally:
        for pool in pools:
            pool.terminate()
        for pool in pools:
            end(pool)


def _wait_until_idle(url: str, workers: int) -> None:
    """Wait until a store has so many workers, all of them idle. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    with open_home(host(url)) as store:
        while [worker.state for worker in worker_views(store)] != [WorkerState.IDLE] * workers:
            if time.monotonic() > deadline:
                raise TimeoutError(f"there are no {workers} idle workers after {PATIENCE:g} s")
            time.sleep(0.05)
