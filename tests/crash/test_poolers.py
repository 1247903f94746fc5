"""A pooler of transactions between the hosts and the server, with nothing said of it in the URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.model.job import JobState
from tests.crash.storm import Storm
from tests.execution.waiting import eventually
from tests.postgres.pooler import PROGRAM, pooler_to
from tests.postgres.server import Databases

pytestmark = [pytest.mark.crash, pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")]

JOBS = 100


@pytest.mark.usefixtures("alone")
def test_hosts_behind_a_pooler_of_transactions_run_every_job_once(tmp_path: Path, postgres: Databases) -> None:
    with postgres.database() as plain, pooler_to(postgres.over_tcp(plain)) as pooled:
        storm = Storm(tmp_path, pooled, hosts=2)
        try:
            for host in storm.hosts:
                storm.start_pool(3, host=host)
            jobs = storm.put_many([{"command": storm.ledger.command()} for _ in range(JOBS)])
            eventually(lambda: not storm.unfinished(), 60, what=f"all have run; {storm.said()[-2000:]}")
            storm.drain(1)
            assert storm.wrong() == []
            assert [storm.job(job).state for job in jobs] == [JobState.COMPLETED] * JOBS
            assert "prepared" not in storm.said()
        finally:
            storm.close()
