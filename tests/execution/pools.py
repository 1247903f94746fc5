"""A queue in a home of its own, and the pools that a test runs on it as real processes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from queuectl_core.execution.processes import Process, all_processes, look_at, send
from queuectl_core.execution.roster import WorkerView, worker_views
from queuectl_core.model.job import Attempt, Command, Job, JobState, NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import find, history
from queuectl_core.store.transactions.settings import set_setting
from tests.execution.troubles import Trouble
from tests.execution.waiting import eventually

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
FIXED_LOCKS = {"schema.lock", "line.lock", "write.lock", "checkpoint.lock", "recovery.lock"}


class Pool:
    """A pool that runs as a process; `events` are what it told so far, oldest first."""

    def __init__(self, process: subprocess.Popen[bytes], told: Path, errors: Path) -> None:
        self.process = process
        self._told = told
        self._errors = errors

    @property
    def pid(self) -> int:
        """The pid of the pool itself."""
        return self.process.pid

    @property
    def name(self) -> str:
        """The name it gave itself, once it is ready."""
        [ready] = eventually(lambda: self.events("Ready"), what=f"a pool is ready; {self.complaints()}")
        return str(ready["pool"])

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What it told so far, of one kind."""
        lines = self._told.read_text().splitlines() if self._told.exists() else []
        return [event for event in map(json.loads, lines) if event["kind"] == kind]

    def order_of_starts(self) -> list[str]:
        """The ids of the jobs whose runs started, in order."""
        return [str(event["job"]) for event in self.events("RunStarted")]

    def notices(self) -> list[str]:
        """The lines of its notices."""
        return [str(event["text"]) for event in self.events("Notice")]

    def complaints(self) -> str:
        """What its processes wrote to stderr, where all is well nothing."""
        return self._errors.read_text()

    def signal(self, number: signal.Signals) -> None:
        """Signal the pool itself."""
        self.process.send_signal(number)

    def ended(self, seconds: float = 30) -> int:
        """Wait until the pool has ended by itself; its exit status."""
        status = self.process.wait(seconds)
        assert self.complaints() == ""
        return status

    def keeper(self, workers: list[WorkerView]) -> int:
        """The pid of its keeper: its only child in its session that is no worker."""
        known = {worker.pid for worker in workers}
        [keeper] = [
            process.pid
            for process in all_processes()
            if process.parent == self.pid and process.pid not in known and not process.zombie
        ]
        return keeper


class LiveQueue:
    """A queue in a home of its own, or on the server of that URL."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.folder = folder
        self.home = Home(str(folder / "home"), url)
        make_home(self.home)
        self.store = open_home(self.home)
        self.pools: list[Pool] = []
        self._gates: list[Gate] = []
        self._numbers = itertools.count(1)

    def run(self, transaction: Transaction[T]) -> T:
        """Run a transaction on the store."""
        return self.store.run(transaction)

    def put(self, command: Command = "true", **fields: Any) -> str:
        """Enqueue a job that runs in `folder`; its id. Fields as in `NewJob`."""
        return self.run(enqueue(NewJob(command, **{"cwd": str(self.folder), **fields}))).id

    def set(self, **settings: object) -> None:
        """Set settings."""
        for key, value in settings.items():
            self.run(set_setting(key, str(value)))

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        [job] = self.run(find([job_id]))
        return job

    def runs(self, job_id: str) -> list[Attempt]:
        """The history of a job."""
        return self.run(history(self.job(job_id).number))

    def outcomes(self, job_id: str) -> list[str | None]:
        """How its runs ended, in order."""
        return [run.outcome for run in self.runs(job_id)]

    def output(self, job_id: str, attempt: int = 1) -> bytes:
        """What a run wrote."""
        return Path(self.home.log(self.job(job_id).number, attempt)).read_bytes()

    def once(self, job_id: str, *states: JobState, seconds: float = 30) -> Job:
        """Wait until a job is in one of these states; the job as it is then."""

        def there() -> Job | None:
            job = self.job(job_id)
            return job if job.state in states else None

        return eventually(there, seconds, what=f"job {job_id} is {' or '.join(states)}, not {self.job(job_id)}")

    def gate(self, name: str) -> Gate:
        """A gate that jobs wait at."""
        gate = Gate(self.folder, name)
        self._gates.append(gate)
        return gate

    def pool(
        self,
        workers: int = 1,
        queues: tuple[str, ...] = (),
        *,
        drain: bool = False,
        grace: float | None = None,
        routine_looks: bool = True,
        keeper_steps: bool = True,
        keeper_dies: bool = False,
        inherited: int = 0,
        slowness: float = 0.0,
        trouble: Trouble | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Pool:
        """Start a pool; without `routine_looks` its workers, and without `keeper_steps` its keeper, see what
        happens by events alone, never by a look of their own; no keeper of one that `keeper_dies` lives to register.
        `slowness` is how many seconds its workers take for what they do once a command is started, `trouble` what they
        have with the store."""
        number = next(self._numbers)
        told, errors = self.folder / f"events-{number}", self.folder / f"errors-{number}"
        order = {
            "home": self.home,
            "workers": workers,
            "queues": queues,
            "drain": drain,
            "grace": grace,
            "routine_looks": routine_looks,
            "keeper_steps": keeper_steps,
            "keeper_dies": keeper_dies,
            "inherited": inherited,
            "slowness": slowness,
            "trouble": trouble,
            "events": str(told),
        }
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", "tests.execution.pool_process", json.dumps(order)],
                cwd=ROOT,
                # By this the processes of a pool are found, as those of its jobs are by what the pool gives them.
                env={**os.environ, **(environment or {}), "QUEUECTL_HOME": self.home.path},
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )
        pool = Pool(process, told, errors)
        self.pools.append(pool)
        return pool

    def ready_pool(self, workers: int = 1, queues: tuple[str, ...] = (), **options: Any) -> Pool:
        """Start a pool and wait until its workers are there."""
        pool = self.pool(workers, queues, **options)
        name = pool.name
        eventually(
            lambda: len([view for view in self.workers() if view.pool == name]) == workers, what="the workers are there"
        )
        return pool

    def drained(self, workers: int = 1, queues: tuple[str, ...] = (), **options: Any) -> Pool:
        """Run a pool until the queue is empty."""
        pool = self.pool(workers, queues, drain=True, **options)
        assert pool.ended() == 0
        return pool

    def workers(self) -> list[WorkerView]:
        """The workers on the roster, as they really are."""
        return worker_views(self.store)

    def worker_of(self, job_id: str) -> WorkerView:
        """The worker that runs a job."""
        return eventually(
            lambda: next((view for view in self.workers() if view.job == job_id), None), what=f"{job_id} is run"
        )

    def left_in_run(self) -> list[str]:
        """The files in `run/` that are neither a directory nor one of the fixed locks."""
        found = [path for path in Path(self.home.run).rglob("*") if not path.is_dir()]
        return sorted(path.name for path in found if path.name not in FIXED_LOCKS)

    def processes(self) -> list[Process]:
        """Every living process of this queue: of its pools, and of its jobs."""
        marks = f"QUEUECTL_HOME={self.home.path}".encode()
        return [process for process in all_processes() if not process.zombie and marks in environment_of(process.pid)]

    def leave(self) -> None:
        """End the pools that are left, and see that no process of the queue is; fails where one is."""
        self._end_pools()
        self.store.close()
        for gate in self._gates:
            gate.close()
        try:
            eventually(lambda: not self.processes(), 5, what="every process of the queue has ended")
        finally:
            for process in self.processes():
                send(process, signal.SIGKILL)
        for pool in self.pools:
            assert pool.complaints() == ""

    def _end_pools(self) -> None:
        left = [pool for pool in self.pools if pool.process.poll() is None]
        self.set(kill_grace=0)
        for pool in left:
            pool.signal(signal.SIGCONT)
            pool.signal(signal.SIGTERM)
        for pool in left:
            with contextlib.suppress(AssertionError):
                eventually(lambda pool=pool: pool.process.poll() is not None or self._again(pool), 20)  # type: ignore[misc]
            if pool.process.poll() is None:
                pool.process.kill()
            pool.process.wait()

    @staticmethod
    def _again(pool: Pool) -> bool:
        """Signal a pool that has heard the first one once more, so that it waits for nothing."""
        if any("is stopping" in text for text in pool.notices()):
            pool.signal(signal.SIGTERM)
        return False


def environment_of(pid: int) -> list[bytes]:
    """The environment of a process, as entries; none where it has gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


def lives(pid: int) -> bool:
    """Whether there is a process of that pid which has not ended."""
    process = look_at(pid)
    return process is not None and not process.zombie


def kill_whole_pool(queue: LiveQueue, pool: Pool) -> None:
    """Kill a pool with its workers and its keeper, stopped first so that none of them sees another die."""
    workers = queue.workers()
    pids = [pool.pid, pool.keeper(workers), *(worker.pid for worker in workers)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    pool.process.wait()
    eventually(lambda: not any(lives(pid) for pid in pids), what="the whole pool is dead")


def pids_in(path: Path, count: int = 1) -> list[int]:
    """The pids that a job wrote to a file, one a line, once there are `count`."""

    def whole() -> list[int]:
        text = path.read_text() if path.exists() else ""
        pids = [int(line) for line in text.splitlines()]
        return pids if text.endswith("\n") and len(pids) >= count else []

    return eventually(whole, what=f"{count} pids in {path}")


class Gate:
    """A gate that jobs wait at until the test opens it, for good: `command` is the shell text that waits.

    Who comes to it first notes its pid.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._fifo = folder / name
        self._arrivals = folder / f"{name}.pids"
        self._opened = -1
        os.mkfifo(self._fifo)
        # Opened to be read, a FIFO keeps the reader waiting until somebody has it open to write.
        self.command = f"echo $$ >> {self._arrivals}; : < {self._fifo}"

    def pid(self) -> int:
        """The pid of the shell that came last, once there is one."""
        return pids_in(self._arrivals)[-1]

    def arrivals(self) -> int:
        """How many runs have come to the gate."""
        return len(self._arrivals.read_text().splitlines()) if self._arrivals.exists() else 0

    def open(self) -> None:
        """Let all through who wait there, and who come later."""
        self._opened = os.open(self._fifo, os.O_RDWR | os.O_CLOEXEC)

    def close(self) -> None:
        """Give up what it holds."""
        if self._opened >= 0:
            os.close(self._opened)
