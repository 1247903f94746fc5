"""What a run costs the system, counted by strace: calls of its worker, and flushes to the disk. Nothing is timed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from tests.cli.line import program
from tests.execution.pools import ROOT

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

FLUSHES = ("fsync", "fdatasync", "sync_file_range", "msync")
STORE = re.compile(r"\w+\(\d+<[^>]*/(queue\.db(-wal|-shm)?|write\.lock|line\.lock)>")
"""A call on a file of the store, or on one that its writers wait at."""
NOTES = re.compile(r"pwrite64\(\d+<[^>]*/run/\w+-\d+\.lock>")
LOGS = re.compile(r"\w+\(\d+<[^>]*/logs(/[^>]*)?>")
FEW, MORE = 80, 240
MOST = (2.02, 3.02, 2.2, 29.2)
"""The calls of a worker that one run may cost: notes, those on logs, those on the store, and all but these last."""
TRIES = 2
"""How often a run is looked at: what a busy machine does to its waits adds calls, and takes none away."""


def drained(folder: Path, jobs: int) -> tuple[Counter[str], Counter[str]]:
    """The calls of the worker, and those of all processes, in a drain of so many jobs by one worker."""
    folder.mkdir()
    home = Home(str(folder / "home"))
    with SqliteStore(home) as store:
        store.run(enqueue_rows(lambda: [[row_of(NewJob("true"), "/tmp")] * jobs], str))
    unhurried = [sys.executable, "-m", "tests.execution.unhurried", "--home", home.path]
    return traced(folder / "calls", [*unhurried, "worker", "start", "--count", "1", "--drain"])


def traced(calls: Path, command: list[str]) -> tuple[Counter[str], Counter[str]]:
    """The calls of the process that started the most others, and those of all, while a command ran."""
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-o", str(calls), *command],
        cwd=ROOT,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )
    by_process: dict[str, Counter[str]] = {}
    for line in calls.read_text(errors="replace").splitlines():
        pid, _, call = line.partition(" ")
        if not call.lstrip().startswith(("<", "+", "-")):  # resumed, exited, signalled
            by_process.setdefault(pid, Counter())[kind_of(call.lstrip())] += 1
    worker = max(by_process.values(), key=lambda calls: calls["clone3"])
    return worker, sum(by_process.values(), Counter())


def kind_of(call: str) -> str:
    """What a call is counted as: its name, or what it is for."""
    for kind, pattern in (("store", STORE), ("notes", NOTES), ("logs", LOGS)):
        if pattern.match(call) and not call.startswith(FLUSHES):
            return kind
    return call.partition("(")[0]


@pytest.mark.slow
def test_a_run_takes_so_many_calls_of_its_worker_and_no_flush(tmp_path: Path) -> None:
    for n in range(TRIES):
        few, _ = drained(tmp_path / f"few-{n}", FEW)
        more, all_of_more = drained(tmp_path / f"more-{n}", MORE)

        calls = {name: n / (MORE - FEW) for name, n in (more - few).items()}

        assert calls["clone3"] == 1
        assert sum(all_of_more[name] for name in FLUSHES) <= 5, all_of_more  # as it starts and ends
        kinds = (calls["notes"], calls["logs"], calls["store"], sum(calls.values()) - calls["store"])
        if all(found <= most for found, most in zip(kinds, MOST, strict=True)):
            return
    pytest.fail(f"{kinds} calls a run, and at most {MOST} are expected: {calls}")


def test_a_job_that_was_acknowledged_was_flushed(tmp_path: Path) -> None:
    home = Home(str(tmp_path / "home"))
    SqliteStore(home).close()

    calls, _ = traced(tmp_path / "calls", program(home, "enqueue", "--", "true"))

    assert 1 <= sum(calls[name] for name in FLUSHES) <= 5, calls
