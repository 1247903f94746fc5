"""What a real worker asks of the store while it drains short jobs, counted where commands need no time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from queuectl_core.execution.hand import MOST_CLAIMED
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.statistics import summary
from tests.execution.pools import ROOT

JOBS = 20 * MOST_CLAIMED
WARM_UP = 6
"""Turns until a worker claims as many jobs as it ever does."""
AROUND = 6
"""Commits and begins of its own, as it comes, idles and leaves, and of turns that others cut short."""


def counted(folder: Path) -> Counter[str]:
    """The statements of one worker that drains a queue of its own."""
    home = Home(str(folder / "home"))
    told = folder / "told"
    with SqliteStore(home) as store:
        store.run(enqueue_rows(lambda: [[row_of(NewJob("true"), "/tmp")] * JOBS], str))
        drain = ("--home", home.path, "worker", "start", "--count", "1", "--drain")
        subprocess.run(
            [sys.executable, "-m", "tests.execution.counted", str(told), *drain],
            cwd=ROOT,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        assert store.run(summary()).jobs[JobState.COMPLETED] == JOBS
    [words] = map(json.loads, told.read_text().splitlines())
    return Counter(words)


def test_a_worker_of_short_jobs_takes_a_turn_for_many_of_them(tmp_path: Path) -> None:
    words = counted(tmp_path)

    assert words["COMMIT"] <= JOBS // MOST_CLAIMED + WARM_UP + AROUND, words
    assert words.total() / JOBS <= 7, words
