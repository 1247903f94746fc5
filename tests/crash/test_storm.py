"""What the storms say of the processes that they attack."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.ledger import Word
from tests.crash.storm import Storm

pytestmark = pytest.mark.crash

# It claims a job, and is kept from the log of its run for a while, as by other work on the machine.
SLOW_TO_BEGIN = """
import time
from queuectl_core.cli.main import main
from queuectl_core.execution.logs import LogMaker
make = LogMaker.make

def make_late(maker, *run):
    time.sleep(0.5)
    return make(maker, *run)

LogMaker.make = make_late
main()
"""


def test_a_worker_runs_a_job_once_its_command_has_begun(storm: Storm, tmp_path: Path) -> None:
    pool = storm.start_pool(1, program=("-c", SLOW_TO_BEGIN))
    job = storm.put(storm.ledger.command(gate=tmp_path / "never"))

    storm.worker_of(pool, job)

    assert storm.ledger.has(job, Word.START)
