"""What the benchmarks stand on: homes made for the occasion, our program as processes, pools."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from glob import glob
from pathlib import Path

import psutil

from queuectl_core.execution.roster import WorkerState, WorkerView, worker_views
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of

PATIENCE = 30.0
"""Seconds until a pool must be ready, or gone."""

SAID_AT_MOST = 1000
"""How many characters of what a failed process said are shown."""

ROOT = Path(__file__).parents[2]
_SLOWING = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"})
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("QUEUECTL_") and name not in _SLOWING
}
"""What processes see: no home but ours, and the bytecode that an installed program has."""


_WEIGHING = """
import resource, subprocess, sys
with open(sys.argv[1], "w") as file:
    status = subprocess.call(sys.argv[2:])
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""


@contextmanager
def new_home() -> Iterator[Home]:
    """A home with nothing in it. Its database is removed afterwards, the rest when all is measured."""
    home = Home(f"{tempfile.mkdtemp(dir=run_folder())}/home")
    try:
        yield home
    finally:
        for name in glob(f"{home.database}*"):
            os.unlink(name)


@cache
def run_folder() -> str:
    """Where the homes of this run are, removed at its end.

    No sooner: for minutes after thousands of files were deleted, ext4 passes over each of their inodes whenever it
    makes a file, and a log file costs 100 µs or more instead of 25.
    """
    folder = os.path.realpath(tempfile.mkdtemp(prefix="queuectl-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def program(home: Home, *arguments: str) -> list[str]:
    """The command line of the installed `queuectl` on a home."""
    script = Path(sys.executable).parent / "queuectl"
    start = [str(script)] if script.exists() else [sys.executable, "-m", "queuectl_core"]
    return [*start, "--home", home.path, *arguments]


def start(command: Sequence[str], stderr: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a process with nothing to read and nobody who reads what it prints."""
    nobody = subprocess.DEVNULL
    return subprocess.Popen(command, cwd=ROOT, env=ENVIRONMENT, stdin=nobody, stdout=nobody, stderr=stderr)


def spend(command: Sequence[str]) -> float:
    """The seconds of such a process, from its start until it is collected.

    Raises CalledProcessError, with what it said, where it fails.
    """
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = start(command, said.fileno())
        process.wait()
        seconds = time.perf_counter() - began
        if process.returncode != 0:
            said.seek(0)
            error = subprocess.CalledProcessError(process.returncode, command)
            error.add_note(said.read().decode(errors="replace")[-SAID_AT_MOST:])
            raise error
    return seconds


def weigh(command: Sequence[str]) -> tuple[float, int]:
    """As `spend`, with the peak of its memory in bytes.

    A process counts as at least as large as the one that started it was then, so a small one does that.
    """
    path = f"{run_folder()}/weight"
    seconds = spend([sys.executable, "-I", "-S", "-c", _WEIGHING, path, *command])
    return seconds, int(Path(path).read_text()) * 1024


def enqueue_many(home: Home, command: str, n: int) -> None:
    """Store `n` jobs of one command."""
    rows = [row_of(NewJob(command), home.path)] * n
    with SqliteStore(home) as store:
        store.run(enqueue_rows(lambda: [rows], str))


@contextmanager
def running_pool(home: Home, workers: int) -> Iterator[int]:
    """A pool of idle workers; gives its pid, and ends it afterwards."""
    command = program(home, "worker", "start", "--count", str(workers))
    pool = start(command)
    try:
        wait_until_idle(home, workers)
        yield pool.pid
    finally:
        end(pool)


def end(pool: subprocess.Popen[bytes]) -> None:
    """End a pool that was started here, unless it has ended."""
    pool.terminate()
    try:
        pool.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        pool.kill()  # its workers leave by themselves
        pool.wait()


def workers_of(home: Home) -> list[WorkerView]:
    """The workers that the store of a home knows."""
    with SqliteStore(home) as store:
        return worker_views(store)


def wait_until_idle(home: Home, workers: int) -> None:
    """Wait until a home has so many workers, all of them idle. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE
    while [worker.state for worker in workers_of(home)] != [WorkerState.IDLE] * workers:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the pool has no {workers} idle workers after {PATIENCE:g} s")
        time.sleep(0.05)


def processor_seconds(processes: Sequence[psutil.Process]) -> float:
    """Processor time that these have taken so far."""
    return sum(_seconds_of(process) for process in processes)


def _seconds_of(process: psutil.Process) -> float:
    """To the nanosecond where the kernel tells: ticks of 10 ms are too coarse for what sleeps."""
    try:
        texts = [path.read_text() for path in Path(f"/proc/{process.pid}/task").glob("*/schedstat")]
    except OSError:
        texts = []
    if not texts:
        times = process.cpu_times()
        return float(times.user + times.system)
    return sum(int(text.split()[0]) for text in texts) / 1e9
