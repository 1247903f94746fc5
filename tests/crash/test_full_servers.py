"""A server without room, for connections or for data: what runs goes on, results are kept, and nothing runs twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from tests.crash.hosts import hosts_on, long_job, outcomes, wrong_of
from tests.crash.ledger import Word
from tests.crash.storm import Pool, Storm
from tests.execution.waiting import eventually
from tests.postgres.raising import DISK_FULL, Raised, raising
from tests.postgres.roles import Role, role_at
from tests.postgres.server import Databases

pytestmark = pytest.mark.crash

WORKERS = 3
NEEDED = WORKERS + 1
JOBS = 30
LEASE = 600.0
"""Seconds, for which nobody is given up: that is not what these tests are about."""

FULL = "too many connections for role"
NO_ROOM = "could not extend file"


@pytest.fixture
def url(postgres: Databases, alone: None) -> Iterator[str]:
    """An empty database."""
    with postgres.database() as url:
        yield url


class Limited(NamedTuple):
    """A queue whose second host works by a role that may have only so many connections."""

    storm: Storm
    role: Role

    @property
    def host(self) -> Home:
        """Where that role's pools are."""
        return self.storm.hosts[1]


@pytest.fixture
def limited(tmp_path: Path, url: str) -> Iterator[Limited]:
    with hosts_on(tmp_path, url, 2, lease=LEASE) as storm, role_at(url) as role:
        storm.hosts[1] = storm.hosts[1]._replace(url=role.url)
        try:
            yield Limited(storm, role)
        finally:
            role.limit(-1)
            storm.close()


def notices(storm: Storm, words: str) -> dict[str, int]:
    """How often each process said something with these words, by the name it gave itself."""
    said: dict[str, int] = {}
    for line in storm.said().splitlines():
        if words in line:
            who = str(json.loads(line)["text"]).partition(": ")[0]
            said[who] = said.get(who, 0) + 1
    return said


def works(storm: Storm, jobs: list[str]) -> None:
    """Wait until these jobs have ended, and see that all is well with them and everything else."""
    eventually(
        lambda: all(storm.job(job).state is JobState.COMPLETED for job in jobs),
        60,
        what=f"all jobs have completed; {storm.said()[-2000:]}",
    )
    assert [outcomes(storm, job) for job in jobs] == [[Outcome.COMPLETED]] * len(jobs)
    storm.drain(1)
    assert wrong_of(storm) == []


def some_jobs(storm: Storm) -> list[str]:
    """Enqueue some short jobs."""
    return storm.put_many([{"command": storm.ledger.command()} for _ in range(JOBS)])


def test_a_role_with_as_many_connections_as_a_pool_has_runs_one(limited: Limited) -> None:
    limited.role.limit(NEEDED)
    pool = limited.storm.start_pool(WORKERS, host=limited.host)
    limited.storm.all_workers(pool)

    works(limited.storm, some_jobs(limited.storm))

    assert FULL not in limited.storm.said()


def test_a_pool_that_is_given_no_connection_again_goes_on_trying_and_loses_nothing(limited: Limited) -> None:
    storm, role = limited
    pool = storm.start_pool(WORKERS, host=limited.host)
    held, gate = long_job(storm, pool)
    storm.all_workers(pool)
    role.limit(0)
    role.end_all()
    jobs = some_jobs(storm)
    gate.touch()
    eventually(lambda: storm.ledger.has(held, Word.END), what="the command comes to its end meanwhile")
    eventually(lambda: len(notices(storm, FULL)) == WORKERS, what="all workers say so")
    assert (outcomes(storm, held), role.connections()) == ([None], set())

    role.limit(-1)

    works(storm, [held, *jobs])
    assert set(notices(storm, "cannot reach").values()) == {1}, "each says it once, not at each try"
    assert "died" not in storm.said()


def test_workers_for_whom_there_is_no_room_come_once_there_is(limited: Limited) -> None:
    storm, role = limited
    pool = storm.start_pool(1, host=limited.host)
    storm.all_workers(pool)
    role.limit(2)
    storm.queuectl("worker", "scale", str(WORKERS))
    eventually(lambda: FULL in storm.said(), what=f"the others find no room; {storm.said()[-2000:]}")
    jobs = some_jobs(storm)
    eventually(lambda: storm.unfinished() == 0, 60, what="the one who has a connection works meanwhile")

    role.limit(-1)

    storm.all_workers(Pool(pool.process, WORKERS))
    works(storm, [*jobs, *some_jobs(storm)])


class Full(NamedTuple):
    """A pool at work on a server whose disk is full; one of its workers runs `held`, until `gate` is there."""

    storm: Storm
    held: str
    gate: Path
    raised: Raised


@contextmanager
def full_disk(folder: Path, url: str, change: str) -> Iterator[Full]:
    """A server that has no room for this change."""
    with hosts_on(folder, url, 1, lease=LEASE) as storm:
        pool = storm.start_pool(WORKERS)
        held, gate = long_job(storm, pool)
        storm.all_workers(pool)
        with raising(url, DISK_FULL, change, words=NO_ROOM) as raised:
            yield Full(storm, held, gate, raised)
        assert "died" not in storm.said()


def all_say_it(full: Full) -> None:
    """Wait until each worker has said that there is no room, and they have gone on trying."""
    told = f"has no room: {NO_ROOM}: make room on the server; nothing was changed"
    eventually(lambda: len(notices(full.storm, told)) == WORKERS, what="all workers say it")
    before = full.raised.tries()
    eventually(lambda: full.raised.tries() > before, what="they go on trying")
    assert set(notices(full.storm, told).values()) == {1}, "each says it once, not at each try"


def test_results_are_kept_while_the_disk_of_the_server_is_full(tmp_path: Path, url: str) -> None:
    with full_disk(tmp_path, url, "UPDATE ON queuectl.runs") as full:
        storm = full.storm
        jobs = some_jobs(storm)
        full.gate.touch()
        eventually(lambda: storm.ledger.has(full.held, Word.END), what="the command comes to its end meanwhile")
        all_say_it(full)
        assert outcomes(storm, full.held) == [None]

        full.raised.stop()

        works(storm, [full.held, *jobs])


def test_no_job_is_begun_or_charged_while_the_disk_of_the_server_is_full(tmp_path: Path, url: str) -> None:
    with full_disk(tmp_path, url, "INSERT ON queuectl.runs") as full:
        storm = full.storm
        jobs = some_jobs(storm)
        full.gate.touch()
        all_say_it(full)
        assert [(storm.job(job).state, storm.job(job).attempts) for job in jobs] == [(JobState.PENDING, 0)] * JOBS
        assert {line.job for line in storm.ledger.lines()} == {full.held}

        full.raised.stop()

        works(storm, [full.held, *jobs])
