"""Somebody who looks at the queue for long, as a backup does, while hundreds of jobs come and go and workers die."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.statistics import miscounted
from tests.crash.hosts import hosts_on, wrong_of
from tests.crash.storm import Storm
from tests.execution.waiting import eventually
from tests.postgres.server import Databases

pytestmark = pytest.mark.crash

JOBS = 120
KILLS = 4
GARBAGE = 5000

Looks = list[tuple[str, int]]


class Backup:
    """A transaction that sees the queue as it was when it began."""

    def __init__(self, session: psycopg.Connection[tuple[str, int]]) -> None:
        self._session = session

    def looks(self) -> Looks:
        """How many jobs, runs and counts of each kind it sees."""
        query = """SELECT 'jobs ' || state, count(*) FROM queuectl.jobs GROUP BY state
                   UNION ALL SELECT 'runs', count(*) FROM queuectl.runs
                   UNION ALL SELECT 'counts ' || state, sum(n)::bigint FROM queuectl.counts WHERE n <> 0 GROUP BY state
                   ORDER BY 1"""
        return self._session.execute(query).fetchall()


@contextmanager
def backup_of(url: str) -> Iterator[Backup]:
    """Somebody who keeps a snapshot, as `pg_dump` does; what they see has not changed in the end."""
    with psycopg.connect(url) as session:
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        backup = Backup(session)
        before = backup.looks()
        yield backup
        assert backup.looks() == before


def jobs_of(storm: Storm, queues: tuple[str, ...]) -> list[dict[str, object]]:
    """Jobs of several queues and priorities; each tenth fails twice, and is dead, some are due a little later."""
    return [
        {
            "command": storm.ledger.command(then="exit 1" if n % 10 == 0 else "exit 0"),
            "queue": queues[n % len(queues)],
            "priority": n % 3,
            "max_retries": 1 if n % 10 == 0 else 5,
            **({"delay": 0.5} if n % 15 == 1 else {}),
        }
        for n in range(JOBS)
    ]


def leave_garbage(url: str) -> None:
    """Put in the way of whoever looks for work what nobody may collect while somebody looks at the queue."""
    with psycopg.connect(url, autocommit=True) as ruler:
        ruler.execute(
            """INSERT INTO queuectl.jobs (queue, command, cwd, max_retries, due, ready, created_at, updated_at)
               SELECT 'a past one', 'true', '/', 0, 0, 1, 0, 0 FROM generate_series(1, %s)""",
            (GARBAGE,),
        )
        ruler.execute("DELETE FROM queuectl.jobs WHERE queue = 'a past one'")
        ruler.execute("DELETE FROM queuectl.count_notes WHERE queue = 'a past one'")


@pytest.mark.usefixtures("alone")
def test_a_queue_drains_under_a_snapshot_that_is_held_all_the_while(tmp_path: Path, postgres: Databases) -> None:
    rng = random.Random(1)
    with postgres.database() as url, hosts_on(tmp_path, url, 2, lease=20) as storm:
        jobs = storm.put_all(jobs_of(storm, ("mail",)))
        with backup_of(url) as backup:
            assert ("jobs pending", JOBS) in backup.looks()
            leave_garbage(url)
            pools = [storm.start_pool(2, host=host) for host in storm.hosts]
            for n in range(KILLS):
                storm.kill_worker(pools[n % 2], rng)
            # Others find the first jobs where those before them were: these are elsewhere.
            jobs += storm.put_all(jobs_of(storm, ("a", "post")))
            eventually(lambda: not storm.unfinished(), 60, what="all jobs have ended")
            storm.drain(1)

            assert wrong_of(storm) == []
            assert storm.store.run(miscounted()) == {}
        assert [storm.job(job).state for job in jobs] == [
            JobState.DEAD if n % 10 == 0 else JobState.COMPLETED for n in range(2 * JOBS)
        ]
