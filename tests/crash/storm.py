"""A queue under attack: pools as real processes of `queuectl worker start`, and blows against their processes.

Everything is found by the home, which every process carries in its environment, and hit through a pidfd.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from queuectl_core.execution.processes import Process, all_processes, is_stopped, look_at, send
from queuectl_core.execution.roster import worker_views
from queuectl_core.model.job import Job, NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.opening import make_home, open_home
from queuectl_core.store.transactions.arrivals import enqueue, enqueue_rows, row_of
from queuectl_core.store.transactions.changes import retry
from queuectl_core.store.transactions.jobs import find
from queuectl_core.store.transactions.settings import set_setting
from queuectl_core.store.transactions.statistics import waiting_for
from queuectl_core.store.transactions.workers import roster
from tests.crash.checker import complaints
from tests.crash.evidence import Told, is_locked, is_of, left_in_run, log_size, look, processes_of
from tests.crash.ledger import Ledger, Word
from tests.execution.pools import lives
from tests.execution.waiting import eventually

ROOT = Path(__file__).parents[2]
PROGRAM = ("-m", "queuectl_core")
APART = ("-m", "tests.crash.apart")
UNANSWERED = ("-m", "tests.crash.unanswered")
HINDERED = ("-m", "tests.crash.hindered")

WRONG_WORDS = ("Traceback", "cannot go on", "came too late")
"""What no pool has a reason to say: nobody's job is given on while its worker lives."""


class Pool:
    """A pool as a process; `wanted` is how many workers it was told to keep."""

    def __init__(self, process: subprocess.Popen[bytes], wanted: int) -> None:
        self.process = process
        self.pid = process.pid
        self.wanted = wanted

    def has_ended(self) -> bool:
        """Whether it is gone, by whatever cause."""
        return self.process.poll() is not None

    def children(self) -> list[Process]:
        """Its living children: workers and the keeper."""
        return [process for process in all_processes() if process.parent == self.pid and not process.zombie]


class Storm:
    """A queue in a home of its own, its ledger, and the kills it has seen (`struck`).

    With the `url` of a server the queue is there, and `hosts` are homes that share it, as machines would.
    """

    def __init__(self, folder: Path, url: str | None = None, hosts: int = 1) -> None:
        names = ["home", *(f"home-{n}" for n in range(2, hosts + 1))]
        self.hosts = [Home(str(folder / name), url) for name in names]
        self.home = self.hosts[0]
        make_home(self.home)
        self.store = open_home(self.home)
        self.ledger = Ledger(folder / "ledger")
        self.struck: Counter[str] = Counter()
        self.acknowledged: list[str] = []
        self.batches: list[list[str]] = []
        """The ids that commands were given, whole batches or nothing, whatever they said."""
        self.delays: dict[str, int] = {}
        """The delays (ms) that jobs were enqueued with."""
        self.keeps_output = True
        """Whether the disk takes and keeps all that is written to logs."""
        self.resets: dict[str, list[int]] = {}
        """How many runs a job had, each time it was retried."""
        self.longest_log = 0
        self.program: Sequence[str] = PROGRAM if url is None else APART
        """What pools are started by."""
        self._folder = folder
        self._said = folder / "said"
        self._pools: list[Pool] = []
        self._frozen: list[Process] = []
        # No wait between two runs of a job: the storm passes over many of them.
        self.store.run(set_setting("backoff_max", "0"))

    # What a person does

    def queuectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command that succeeds; what it says."""
        command = [sys.executable, "-m", "queuectl_core", "--home", self.home.path, *arguments]
        ran = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, f"queuectl {' '.join(arguments)}: status {ran.returncode}: {ran.stderr}"
        return ran.stdout

    def put(self, command: str, **fields: Any) -> str:
        """Enqueue a job through the store; its id."""
        job = self.store.run(enqueue(self._new(command=command, **fields)))
        self._acknowledge([job.id], [fields])
        return job.id

    def put_many(self, jobs: list[dict[str, Any]]) -> list[str]:
        """Enqueue jobs by the command, as JSON Lines; their ids."""
        ids = self.queuectl("enqueue", "--from", "-", stdin=self.as_lines(jobs)).split()
        assert len(ids) == len(jobs)
        self._acknowledge(ids, jobs)
        return ids

    def put_all(self, jobs: list[dict[str, Any]]) -> list[str]:
        """Enqueue jobs without ids through the store, in one transaction; their ids."""
        rows = [row_of(self._new(**job), "/") for job in jobs]
        first = self.store.run(enqueue_rows(lambda: [rows], str))[0].first
        ids = [str(number) for number in range(first, first + len(jobs))]
        self._acknowledge(ids, jobs)
        return ids

    def expect(self, jobs: list[dict[str, Any]]) -> None:
        """Say of jobs with ids that a command is about to enqueue them, and may be killed at it."""
        self.batches.append([job["id"] for job in jobs])
        self._note_delays(self.batches[-1], jobs)

    def as_lines(self, jobs: list[dict[str, Any]]) -> str:
        """Jobs as `enqueue --from` reads them."""
        return "".join(json.dumps({"cwd": str(self._folder), **job}) + "\n" for job in jobs)

    def jobs_file(self, jobs: list[dict[str, Any]]) -> Path:
        """A new file with jobs as `enqueue --from` reads them."""
        path = self._folder / f"jobs-{len(self.batches)}"
        path.write_text(self.as_lines(jobs))
        return path

    def environment(self, host: Home | None = None) -> dict[str, str]:
        """The environment of every command: by this its processes are found, and those of its jobs, who get it."""
        home = host or self.home
        server = {} if home.url is None else {"QUEUECTL_STORE": home.url}
        return {**os.environ, "QUEUECTL_HOME": home.path, **server}

    def _new(self, **fields: Any) -> NewJob:
        return NewJob(**{"cwd": str(self._folder), **fields})

    def _acknowledge(self, ids: Sequence[str], jobs: Sequence[Mapping[str, Any]]) -> None:
        self.acknowledged += ids
        self._note_delays(ids, jobs)

    def _note_delays(self, ids: Sequence[str], jobs: Sequence[Mapping[str, Any]]) -> None:
        self.delays.update(
            {id: round(job["delay"] * 1000) for id, job in zip(ids, jobs, strict=True) if "delay" in job}
        )

    def retry(self, job: Job) -> None:
        """Retry a job that has ended."""
        self.store.run(retry([job.id]))
        self.resets.setdefault(job.id, []).append(job.runs)

    def job(self, job_id: str) -> Job:
        """The job as it is now."""
        [job] = self.store.run(find([job_id]))
        return job

    def unfinished(self) -> int:
        """How many jobs have not ended."""
        return sum(self.store.run(waiting_for(())).values())

    def start_pool(
        self, workers: int, *options: str, program: Sequence[str] | None = None, host: Home | None = None
    ) -> Pool:
        """Start a pool, by `program` in place of the usual one; it may not be ready yet."""
        command = [sys.executable, *(program or self.program), "--home", (host or self.home).path, "worker", "start"]
        with self._said.open("ab") as said:
            process = subprocess.Popen(
                [*command, f"--count={workers}", "--log-format=json", *options],
                cwd=ROOT,
                env=self.environment(host),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        pool = Pool(process, workers)
        self._pools.append(pool)
        return pool

    # Who there is to be hit

    def workers(self, pool: Pool) -> dict[int, str | None]:
        """The living workers of a pool that are on the roster: pid to the job each runs, if any."""
        listed = {view.pid: view.job for view in worker_views(self.store)}
        return {child.pid: listed[child.pid] for child in pool.children() if child.pid in listed}

    def all_workers(self, pool: Pool) -> dict[int, str | None]:
        """As `workers`, once the pool has as many as it was told to keep."""

        def whole() -> dict[int, str | None] | None:
            found = self.workers(pool)
            return found if len(found) == pool.wanted else None

        return eventually(whole, 60, what=f"pool {pool.pid} has its {pool.wanted} workers; {self.said()[-2000:]}")

    def worker_of(self, pool: Pool, job: str) -> int:
        """The pid of the worker that runs a job, once its command has begun.

        A job that is claimed may have neither log nor command yet: who is stopped or killed then, or has its home moved
        away, begins none.
        """
        eventually(lambda: self.ledger.has(job, Word.START), what=f"job {job} has begun; {self.said()[-2000:]}")
        return eventually(
            lambda: next((pid for pid, runs in self.workers(pool).items() if runs == job), None),
            what=f"job {job} is run",
        )

    def keeper(self, pool: Pool) -> int | None:
        """The pid of the keeper: the one child that is no worker; None while not all workers are there."""
        workers = self.workers(pool)
        others = [child.pid for child in pool.children() if child.pid not in workers]
        return others[0] if len(workers) == pool.wanted and len(others) == 1 else None

    # Blows

    def strike(self, pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
        """Signal a process of this home; False where it has gone. One that is stopped stands still afterwards."""
        process = look_at(pid)
        if process is None or process.zombie or not any(is_of(home, pid) for home in self.hosts):
            return False
        send(process, number)
        if number == signal.SIGSTOP:
            # It ends the call it is in first: one that waited for a lock, and was just given it, keeps it.
            eventually(lambda: is_stopped(pid) or not lives(pid), what=f"process {pid} stands still")
        return True

    def kill_worker(self, pool: Pool, rng: random.Random) -> int:
        """Kill any worker of the pool, at any moment of its work; its pid."""
        victim = rng.choice(sorted(self.all_workers(pool)))
        self.let_work_go_on(rng.randrange(1, 400))
        self.struck["worker"] += self.strike(victim)
        return victim

    def freeze(self, pid: int) -> bool:
        """Stop a process of this home until `thaw`; False where it has gone, or would keep all others from writing."""
        process = look_at(pid)
        if process is None or not self.strike(pid, signal.SIGSTOP):
            return False
        with contextlib.suppress(AssertionError):
            eventually(self._can_write, 0.2)
            self._frozen.append(process)
            return True
        send(process, signal.SIGCONT)
        return False

    def _can_write(self) -> bool:
        return self.home.url is not None or not is_locked(Path(self.home.lock("write")))

    def thaw(self) -> None:
        """Let every stopped worker go on."""
        for process in self._frozen:
            send(process, signal.SIGCONT)
        self._frozen.clear()

    def kill_pool(self, pool: Pool, *, with_children: bool) -> None:
        """Kill the pool, alone or together with all its children."""
        children = pool.children() if with_children else []
        for process in [look_at(pool.pid), *children]:
            if process is not None:
                send(process, signal.SIGKILL)
        pool.process.wait(30)
        self.struck["whole pool" if with_children else "pool alone"] += 1

    def let_work_go_on(self, length: int) -> None:
        """Wait until the ledger has grown by so many bytes, or everything has ended."""
        goal = self.ledger.size() + length
        self.longest_log = max(self.longest_log, log_size(self.home))
        eventually(
            lambda: self.ledger.size() >= goal or not self.unfinished(),
            60,
            what=f"work goes on; {self.unfinished()} unfinished; {self.said()[-2000:]}",
        )

    # The end

    def drain(self, workers: int, seconds: float = 120) -> None:
        """Run a pool until every job has ended, then have whoever else is there leave."""
        self.thaw()
        pool = self.start_pool(workers, "--drain")
        assert pool.process.wait(seconds) == 0, self.said()[-2000:]
        # One that was started just before, on another host, must be on the roster to be told.
        eventually(self._pools_are_known, 60, what=f"every pool has ended or is on the roster; {self.said()[-2000:]}")
        self.queuectl("worker", "stop")
        with contextlib.suppress(AssertionError):  # The checker says better what is left.
            eventually(lambda: not self.processes() and not any(map(left_in_run, self.hosts)), 5)

    def _pools_are_known(self) -> bool:
        known = {pool.pid for pool in self.store.run(roster()).pools}
        return all(pool.has_ended() or pool.pid in known for pool in self._pools)

    def processes(self) -> list[int]:
        """The pids of every living process of these hosts, pools and jobs."""
        return [pid for home in self.hosts for pid in processes_of(home)]

    def said(self) -> str:
        """What the pools said so far."""
        return self._said.read_text(errors="replace") if self._said.exists() else ""

    def wrong(self) -> list[str]:
        """Everything that is wrong, once all pools have left."""
        spoken = [line for line in self.said().splitlines() if any(word in line for word in WRONG_WORDS)]
        told = Told(self.acknowledged, self.batches, self.delays, self.resets, self.longest_log, self.keeps_output)
        return complaints(look(self.store, told, self.ledger.lines(), self.hosts)) + spoken

    def close(self) -> None:
        """End what is left of the pools and of their jobs."""
        for pool in self._pools:
            if pool.process.poll() is None:
                pool.process.kill()
            pool.process.wait()
        eventually(lambda: not [pid for pid in self.processes() if self.strike(pid)], 10, what="all is gone")
        self.store.close()
