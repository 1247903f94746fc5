"""What a power cut may leave of the write-ahead log: cut anywhere, it opens as a prefix of what was acknowledged.

Two processes write: one enqueues and notes each job in a ledger once it is acknowledged, one claims and ends
jobs. This process never opens their store; it copies the files as they are at an instant, and opens the copies.
QUEUECTL_CRASH_SEED chooses other instants and cuts than the usual ones.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from queuectl_core.model.job import NewJob, Outcome, Result
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, Report, take_turn
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.statistics import miscounted
from tests.execution.waiting import eventually

pytestmark = pytest.mark.crash

SEED = int(os.environ.get("QUEUECTL_CRASH_SEED", "1"))
ROOT = Path(__file__).parents[2]

ROUNDS, COPIES = 5, 10
"""Logs each of four tests goes through, each begun over the remains of the one before; and copies of each."""

WORKER = "aaaaaa-1"
OUTCOMES = (Result(Outcome.COMPLETED, 0), Result(Outcome.FAILED, 1, None, "exit status 1", 5, 6, b"output"))


# ---------------------------------------------------------------- the writers: processes of their own


def keep_enqueuing(home: str, ledger: str) -> None:
    """Enqueue, noting each id once it is acknowledged; checkpoint for each line on stdin, and answer it."""
    os.set_blocking(0, False)
    noted = os.open(ledger, os.O_WRONLY | os.O_APPEND)
    rng = random.Random(SEED)
    with unminded_store(home) as store:
        number = 0
        while True:
            number += 1
            job = store.run(enqueue(NewJob("x" * rng.choice((4, 40, 9000)), id=f"job-{number}")))
            os.write(noted, f"{job.id}\n".encode())
            with contextlib.suppress(BlockingIOError):
                if os.read(0, 1):
                    eventually(store.checkpoint, what="a checkpoint is made")
                    os.write(1, b"\n")


def keep_working(home: str) -> None:
    """Claim jobs and end them, well and badly in turn."""
    report = None
    with unminded_store(home) as store:
        values = store.run(settings()).values
        while True:
            token = secrets.token_hex(16)
            turn = store.run(take_turn(report, Ask(WORKER, token)))
            report = turn.job and Report(turn.job.number, token, OUTCOMES[turn.job.number % 2], values)


@contextmanager
def unminded_store(home: str) -> Iterator[SqliteStore]:
    """A store that lets its log grow."""
    wal.COMMITS_A_LOOK = 10**9
    with SqliteStore(Home(home)) as store:
        yield store


class Writers:
    """The two writers of one store."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(str(folder / "home"))
        self._ledger = folder / "ledger"
        self._ledger.touch()
        self._enqueuer = self._start("keep_enqueuing", self.home.path, str(self._ledger))
        self.await_more(1)  # It makes the store.
        self._worker = self._start("keep_working", self.home.path)

    @staticmethod
    def _start(function: str, *arguments: str) -> subprocess.Popen[bytes]:
        script = f"import sys; from tests.crash.test_torn_logs import {function} as run; run(*sys.argv[1:])"
        return subprocess.Popen(
            [sys.executable, "-c", script, *arguments], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def acknowledged(self) -> list[str]:
        """The ids that were acknowledged so far, in order."""
        return self._ledger.read_text().split("\n")[:-1]

    def await_more(self, count: int) -> None:
        """Wait until so many more jobs were acknowledged."""
        goal = len(self.acknowledged()) + count
        eventually(lambda: len(self.acknowledged()) >= goal, what=f"{goal} jobs are enqueued")

    def begin_log_anew(self) -> None:
        """Have the log copied into the database, and written from its start by the next commit."""
        assert self._enqueuer.stdin is not None
        assert self._enqueuer.stdout is not None
        self._enqueuer.stdin.write(b"\n")
        self._enqueuer.stdin.flush()
        assert self._enqueuer.stdout.read(1) == b"\n"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Both stopped, wherever they are, so that the log does not grow meanwhile."""
        for process in (self._enqueuer, self._worker):
            process.send_signal(signal.SIGSTOP)
        yield
        for process in (self._enqueuer, self._worker):
            assert process.poll() is None, "a writer has died"
            process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End both."""
        for process in (self._enqueuer, self._worker):
            with process:
                process.kill()


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    writers = Writers(tmp_path)
    yield writers
    writers.close()


# ---------------------------------------------------------------- the copies


def copied(home: Home, folder: Path) -> Home:
    """The database and its log as they are now, in a home of their own."""
    copy = Home(str(folder))
    folder.mkdir(mode=0o700)
    shutil.copyfile(home.database, copy.database)
    shutil.copyfile(f"{home.database}-wal", f"{copy.database}-wal")
    return copy


def cut_anywhere(copy: Home, folder: Path, rng: random.Random) -> tuple[Home, int]:
    """The same with its log cut at any byte, and that byte."""
    torn = copied(copy, folder)
    at = rng.randint(0, os.path.getsize(f"{torn.database}-wal"))
    os.truncate(f"{torn.database}-wal", at)
    return torn, at


def jobs_in(home: Home) -> list[str]:
    """The ids of the jobs in a store, oldest first; fails where the store is not sound."""
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # Closing, it copies the log: nothing to wait for the disk for.
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        with SqliteStore(home) as store:
            assert store.run(miscounted()) == {}
            jobs = store.run(page(limit=1_000_000))
            return [job.id for job in reversed(jobs)]


@pytest.mark.parametrize("nth", range(4))
def test_a_log_cut_anywhere_opens_as_a_prefix_of_what_was_acknowledged(
    writers: Writers, tmp_path: Path, nth: int
) -> None:
    rng = random.Random(SEED * 4 + nth)
    print(f"QUEUECTL_CRASH_SEED={SEED}, test {nth}")  # noqa: T201 — shown where the test fails
    for turn in range(ROUNDS):
        writers.begin_log_anew()
        for n in range(COPIES):
            writers.await_more(rng.randint(1, 20))
            before = writers.acknowledged()
            whole = copied(writers.home, tmp_path / f"whole-{turn}-{n}")
            with writers.held():
                torn, at = cut_anywhere(whole, tmp_path / f"torn-{turn}-{n}", rng)
                kept, left = jobs_in(whole), jobs_in(torn)
                # One more may have been committed, and not been noted yet.
                told = [*writers.acknowledged(), f"job-{len(writers.acknowledged()) + 1}"]
            assert kept == told[: max(len(kept), len(before))], f"copy {turn}-{n}"
            assert left == kept[: len(left)], f"copy {turn}-{n}, cut at byte {at}"
            shutil.rmtree(whole.path)
            shutil.rmtree(torn.path)
