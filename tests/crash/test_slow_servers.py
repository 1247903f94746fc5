"""A server that is far away: each word to it and from it takes its time, and every job is run once all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.model.job import JobState
from tests.crash.hosts import hosts_on, long_job, outcomes, wrong_of
from tests.crash.storm import Storm
from tests.execution.waiting import eventually
from tests.postgres.proxy import Slow, proxy_to
from tests.postgres.server import Databases

pytestmark = pytest.mark.crash

JOBS = 24


@pytest.mark.usefixtures("alone")
def test_jobs_of_a_slow_server_run_once_each_and_end_as_their_commands_do(tmp_path: Path, postgres: Databases) -> None:
    with postgres.database() as plain, proxy_to(postgres.over_tcp(plain), Slow) as network:
        url = postgres.over_tcp(plain)
        with hosts_on(tmp_path, url, 2, lease=60) as storm:
            storm.hosts[1] = storm.hosts[1]._replace(url=network.url(url))
            pool = storm.start_pool(3, host=storm.hosts[1])
            held, gate = long_job(storm, pool)
            jobs = storm.put_many([job_of(storm, n) for n in range(JOBS)])
            eventually(lambda: ended(storm, jobs), 60, what=f"all others have run; {storm.said()[-2000:]}")
            gate.touch()
            eventually(lambda: not storm.unfinished(), what="the one that is held has ended")

            assert [storm.job(job).state for job in jobs] == [state_of(n) for n in range(JOBS)]
            assert {len(outcomes(storm, job)) for job in (held, *jobs)} == {1}
            storm.drain(1)
            assert wrong_of(storm) == []


def job_of(storm: Storm, n: int) -> dict[str, object]:
    """Each third job fails."""
    return {"command": storm.ledger.command(then="exit 0" if n % 3 else "exit 3"), "max_retries": 0}


def state_of(n: int) -> JobState:
    """How that job ends."""
    return JobState.COMPLETED if n % 3 else JobState.DEAD


def ended(storm: Storm, jobs: list[str]) -> bool:
    """Whether all but the job that is held have ended."""
    return storm.unfinished() == 1 and storm.job(jobs[-1]).finished_at is not None
