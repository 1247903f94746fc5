"""What is done on one host reaches the workers of another at once, by what the server announces.

The workers here never look by themselves, and so rarely say that they live that it plays no part.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from queuectl_core.model.job import JobState
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.transactions.changes import cancel, retry
from tests.execution.pools import ROOT, LiveQueue, Pool
from tests.execution.waiting import eventually
from tests.postgres.fixtures import postgres
from tests.postgres.server import Databases

__all__ = ["postgres"]


class Apart(NamedTuple):
    """A pool on one host, and whoever works at another."""

    there: LiveQueue
    pool: Pool
    here: LiveQueue


@pytest.fixture
def apart(tmp_path: Path, postgres: Databases) -> Iterator[Apart]:
    """Two hosts; a pool of one worker is idle on the first."""
    with postgres.database() as url, ExitStack() as opened:
        there, here = (opened.enter_context(live_queue(tmp_path / name, url)) for name in ("there", "here"))
        here.set(lease="1h", heartbeat="10m")
        pool = there.ready_pool(1, routine_looks=False, keeper_steps=False)
        yield Apart(there, pool, here)


@contextmanager
def live_queue(folder: Path, url: str) -> Iterator[LiveQueue]:
    """A host in a folder of its own."""
    folder.mkdir()
    queue = LiveQueue(folder, url)
    try:
        yield queue
    finally:
        queue.leave()


def test_a_job_that_comes_wakes_an_idle_worker_of_another_host(apart: Apart) -> None:
    for _ in range(3):
        apart.here.once(apart.here.put("true"), JobState.COMPLETED)


def test_a_cancellation_reaches_the_worker_of_another_host(apart: Apart) -> None:
    job = apart.here.put("sleep 600")
    apart.here.once(job, JobState.PROCESSING)
    eventually(lambda: apart.pool.order_of_starts() == [job], what="it is run")
    apart.here.run(cancel([job]))
    apart.here.once(job, JobState.CANCELLED)


def test_a_job_that_is_retried_wakes_an_idle_worker_of_another_host(apart: Apart) -> None:
    job = apart.here.put("false", max_retries=0)
    apart.here.once(job, JobState.DEAD)
    apart.here.run(retry([job]))
    eventually(lambda: len(apart.here.runs(job)) == 2, what="it is run again")


def test_a_pool_is_scaled_listed_and_stopped_from_another_host(apart: Apart) -> None:
    queuectl(apart.here, "worker", "scale", "3")
    listed = eventually(
        lambda: lines if len(lines := queuectl(apart.here, "worker", "list").splitlines()) == 3 else None,
        what="three workers are listed",
    )
    assert {line.split("\t")[2] for line in listed} == {"idle"}
    queuectl(apart.here, "worker", "stop")
    assert apart.pool.ended() == 0
    assert queuectl(apart.here, "worker", "list") == ""


def test_a_pool_whose_processes_cannot_start_gives_up_and_says_so(tmp_path: Path, postgres: Databases) -> None:
    with postgres.database() as url, live_queue(tmp_path / "here", url) as here:
        with psycopg.connect(parse_address(url).conninfo, autocommit=True) as ruler:
            ruler.execute("ALTER TABLE queuectl.workers RENAME TO kept; ALTER TABLE queuectl.pools RENAME TO kept_too")
        pool = here.pool(1)
        assert pool.ended() == 1
        assert any("gives up" in text for text in pool.notices())


def queuectl(queue: LiveQueue, *arguments: str) -> str:
    """Run a command on that host; what it says."""
    ran = subprocess.run(
        [sys.executable, "-m", "queuectl_core", "--home", queue.home.path, *arguments],
        cwd=ROOT,
        env={**os.environ, "QUEUECTL_STORE": str(queue.home.url)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
