"""How many connections a pool has to the server: one a worker and one for its keeper, whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from queuectl_core.model.job import JobState
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.postgres.store import PostgresStore
from tests.execution.pools import LiveQueue
from tests.execution.waiting import eventually
from tests.postgres.fixtures import postgres
from tests.postgres.server import Databases

__all__ = ["postgres"]

WORKERS = 3
CONNECTIONS = WORKERS + 1
JOBS = 60


class Ruler:
    """Somebody who sees every session of a database; `ours` are the pids of those that are of no pool."""

    def __init__(self, session: psycopg.Connection[tuple[int]], store: PostgresStore) -> None:
        self._session = session
        self._ours = [session.info.backend_pid, store._connection.info.backend_pid]

    def sessions(self) -> set[int]:
        """The pids of the sessions of pools."""
        query = """SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                   AND backend_type = 'client backend' AND pid <> ALL (%s)"""
        return {pid for (pid,) in self._session.execute(query, (self._ours,))}

    def end(self, sessions: set[int]) -> None:
        """End these sessions; returns once they are gone."""
        self._session.execute("SELECT pg_terminate_backend(pid, 30000) FROM unnest(%s) AS pid", (sorted(sessions),))


@pytest.fixture
def queue(tmp_path: Path, postgres: Databases) -> Iterator[LiveQueue]:
    """A queue on a server."""
    with postgres.database() as url:
        queue = LiveQueue(tmp_path, url)
        try:
            yield queue
        finally:
            queue.leave()


@pytest.fixture
def ruler(queue: LiveQueue) -> Iterator[Ruler]:
    assert isinstance(queue.store, PostgresStore)
    with psycopg.connect(parse_address(str(queue.home.url)).conninfo, autocommit=True) as session:
        yield Ruler(session, queue.store)


def run_some(queue: LiveQueue, ruler: Ruler, name: str) -> set[int]:
    """Have each worker run a job at once, and then all of them many short ones; the sessions during the first."""
    gate = queue.gate(name)
    held = [queue.put(gate.command) for _ in range(WORKERS)]
    eventually(lambda: gate.arrivals() == WORKERS, what="each worker runs a job")
    meanwhile = ruler.sessions()
    short = [queue.put("true") for _ in range(JOBS)]
    gate.open()
    for job in (*held, *short):
        queue.once(job, JobState.COMPLETED)
    return meanwhile


def test_a_pool_has_a_connection_for_each_worker_and_one_more_before_during_and_after_its_work(
    queue: LiveQueue, ruler: Ruler
) -> None:
    queue.ready_pool(WORKERS)
    before = ruler.sessions()
    assert len(before) == CONNECTIONS

    assert run_some(queue, ruler, "gate") == before

    assert ruler.sessions() == before


def test_it_has_as_many_again_after_the_server_has_ended_them_all(queue: LiveQueue, ruler: Ruler) -> None:
    queue.ready_pool(WORKERS)
    before = ruler.sessions()
    ruler.end(before)
    eventually(lambda: len(ruler.sessions()) == CONNECTIONS, what="all are connected again")
    again = ruler.sessions()
    assert not again & before

    assert run_some(queue, ruler, "gate") == again

    assert ruler.sessions() == again


def test_sessions_that_are_ended_in_the_midst_of_work_are_replaced_one_by_one(queue: LiveQueue, ruler: Ruler) -> None:
    pool = queue.ready_pool(WORKERS)
    gate = queue.gate("gate")
    jobs = [queue.put(gate.command) for _ in range(WORKERS)]
    eventually(lambda: gate.arrivals() == WORKERS, what="each worker runs a job")
    before = ruler.sessions()
    ruler.end(before)
    eventually(
        lambda: len(ruler.sessions()) == CONNECTIONS, what="all are connected again, with their commands at work"
    )
    gate.open()
    for job in jobs:
        queue.once(job, JobState.COMPLETED)

    assert len(ruler.sessions()) == CONNECTIONS
    assert [queue.outcomes(job) for job in jobs] == [["completed"]] * WORKERS
    assert not [text for text in pool.notices() if "died" in text]
