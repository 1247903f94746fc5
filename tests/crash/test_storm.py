"""What the storms say of the processes that they attack."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState
from tests.crash.ledger import Word
from tests.crash.storm import Storm
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

# It claims a job, and is kept from the log of its run until it is given a word through a FIFO.
HELD_UP = """
from queuectl_core.cli.main import main
from queuectl_core.execution.lent_logs import LogMaker
make = LogMaker.make

def make_late(maker, *run):
    with open({fifo!r}, "rb") as words:
        words.read(1)
    return make(maker, *run)

LogMaker.make = make_late
main()
"""
WHILE = 0.3
"""Seconds for which it is kept, which is ample for one who does not wait for it."""


def test_a_worker_runs_a_job_once_its_command_has_begun(storm: Storm, tmp_path: Path) -> None:
    fifo = str(tmp_path / "word")
    os.mkfifo(fifo)
    pool = storm.start_pool(1, program=("-c", HELD_UP.format(fifo=fifo)))
    job = storm.put(storm.ledger.command(gate=tmp_path / "never"))
    eventually(lambda: storm.job(job).state is JobState.PROCESSING, what="the worker has claimed it")
    word = os.open(fifo, os.O_RDWR)
    release = threading.Timer(WHILE, os.write, (word, b"!"))
    release.start()

    storm.worker_of(pool, job)

    assert storm.ledger.has(job, Word.START)
    release.join()
    os.close(word)
