"""A host that is cut off from the server: what it runs has ended before anybody else begins it, whoever sees to it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from queuectl_core.execution.roster import WorkerState, WorkerView, living_pools, worker_views
from queuectl_core.model.job import Outcome
from queuectl_core.store.transactions.settings import set_setting
from tests.crash.hosts import LEASE, begun_again, hosts_on, long_job, outcomes, wrong_of
from tests.crash.ledger import Word
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually
from tests.postgres.proxy import Proxy, proxy_to
from tests.postgres.server import Databases

pytestmark = pytest.mark.crash

SILENT_LEASE = 10.0
"""Seconds; the shortest that holds where an attempt to connect is not even refused, which takes up to 2 s to see."""


class Parted(NamedTuple):
    """Two hosts. The second reaches the server through `network`, and its `pool` has begun `job`."""

    storm: Storm
    network: Proxy
    pool: Pool
    worker: str
    job: str
    gate: Path


Parting = Callable[[float], Parted]


@pytest.fixture
def parted(tmp_path: Path, postgres: Databases, alone: None) -> Iterator[Parting]:
    """Makes two hosts of that lease, each with a pool; the second one runs a job that goes on until it is let."""
    with postgres.database() as plain:
        url = postgres.over_tcp(plain)
        with proxy_to(url) as network, ExitStack() as opened:

            def part(lease: float) -> Parted:
                storm = opened.enter_context(hosts_on(tmp_path, url, 2, lease=lease))
                storm.hosts[1] = storm.hosts[1]._replace(url=network.url(url))
                pool = storm.start_pool(1, host=storm.hosts[1])
                job, gate = long_job(storm, pool)
                [worker] = [view.id for view in worker_views(storm.store) if view.job == job]
                storm.start_pool(1)
                eventually(lambda: len(worker_views(storm.store)) == 2, what="the other host has a worker")
                return Parted(storm, network, pool, worker, job, gate)

            yield part


def test_a_host_that_is_cut_off_ends_its_command_before_another_begins_it(parted: Parting) -> None:
    it = parted(LEASE)
    it.network.refuse()
    assert_goes_on_elsewhere(it)


def test_a_host_whose_network_falls_silent_ends_its_command_before_another_begins_it(parted: Parting) -> None:
    it = parted(SILENT_LEASE)
    it.network.silence()
    assert_goes_on_elsewhere(it)


def test_the_command_of_a_stopped_worker_is_ended_where_its_host_is_cut_off(parted: Parting) -> None:
    it = parted(LEASE)
    [pid] = it.storm.workers(it.pool)
    it.storm.strike(pid, signal.SIGSTOP)
    it.network.refuse()
    eventually(lambda: begun_again(it.storm, it.job), what=f"another host runs it; {it.storm.said()[-2000:]}")
    it.storm.strike(pid, signal.SIGCONT)
    assert_goes_on_elsewhere(it)


def test_the_command_of_a_dead_worker_is_ended_where_its_host_is_cut_off(parted: Parting) -> None:
    it = parted(LEASE)
    it.network.refuse()
    [pid] = it.storm.workers(it.pool)
    assert it.storm.strike(pid)
    assert_goes_on_elsewhere(it)


def test_a_lease_that_was_shortened_during_a_run_is_not_over_before_the_command_is_ended(parted: Parting) -> None:
    it = parted(3 * LEASE)
    it.storm.store.run(set_setting("lease", "1s"))
    eventually(lambda: promised_ms(it.storm, it.pool) == 1000, what="the pool goes by it")
    it.network.refuse()
    assert_goes_on_elsewhere(it)


def test_a_host_that_is_cut_off_for_less_than_its_lease_goes_on(parted: Parting) -> None:
    it = parted(30)
    it.network.refuse()
    it.gate.touch()
    eventually(lambda: it.storm.ledger.has(it.job, Word.END), what="the command comes to its end meanwhile")
    assert outcomes(it.storm, it.job) == [None]
    it.network.mend()
    eventually(lambda: outcomes(it.storm, it.job) == [Outcome.COMPLETED], what="the result is delivered")
    it.storm.drain(1)
    assert wrong_of(it.storm) == []


def promised_ms(storm: Storm, pool: Pool) -> int:
    """The lease that a pool has promised."""
    with psycopg.connect(str(storm.home.url)) as connection:
        [(lease_ms,)] = connection.execute("SELECT lease_ms FROM queuectl.pools WHERE pid = %s", (pool.pid,))
    return int(lease_ms)


def living_workers(storm: Storm) -> list[WorkerView]:
    """The workers of both hosts that are alive."""
    return [view for view in worker_views(storm.store) if view.state is not WorkerState.LOST]


def assert_goes_on_elsewhere(it: Parted) -> None:
    """The job runs at the other host, to its end, beside no other run of it; and the host comes back to work."""
    storm = it.storm
    eventually(lambda: begun_again(storm, it.job), 60, what=f"another host runs it; {storm.said()[-2000:]}")
    it.network.mend()
    eventually(
        lambda: len(living_workers(storm)) == 2 == len(living_pools(storm.store)),
        what=f"the host is back; {storm.said()[-2000:]}",
    )
    it.gate.touch()
    storm.drain(1)
    # On a busy machine the other host, too, may come too late for so short a lease, and give the job up by itself.
    told = [outcome for outcome in outcomes(storm, it.job) if outcome is not Outcome.RELEASED]
    assert told == [Outcome.LOST, Outcome.COMPLETED]
    assert wrong_of(storm, refused=True) == []


def test_a_pool_goes_on_at_the_next_server_of_its_url(tmp_path: Path, postgres: Databases, alone: None) -> None:
    with ExitStack() as opened:
        url = postgres.over_tcp(opened.enter_context(postgres.database()))
        first, second = (opened.enter_context(proxy_to(url)) for _ in range(2))
        # As after a failover: of two ways to the queue one ends.
        both = first.url(url).replace(f":{first.port}/", f":{first.port},127.0.0.1:{second.port}/")
        storm = opened.enter_context(hosts_on(tmp_path, both, 1))
        job, gate = long_job(storm, storm.start_pool(1))
        first.refuse()
        gate.touch()
        eventually(lambda: outcomes(storm, job) == [Outcome.COMPLETED], what="the result is delivered")
        storm.drain(1)
        assert wrong_of(storm) == []
