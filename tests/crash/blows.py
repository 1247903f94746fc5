"""The blows of a storm: drawn from a seed beforehand, and dealt to several pools that run on one store at once.

The moments at which they fall are the machine's, so a seed gives the same storm, not the same race.
"""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from collections import Counter
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from queuectl_core.execution.processes import look_at
from queuectl_core.execution.roster import WorkerState, WorkerView, worker_views
from queuectl_core.model.errors import WrongState
from queuectl_core.model.job import ENDED
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import cancel
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.jobs import find, page
from tests.crash.ledger import KILLS_ITS_WORKER, Ledger
from tests.crash.storm import ROOT, Pool, Storm
from tests.execution.waiting import eventually

T = TypeVar("T")

ANCHORS = 4
"""How many pools run at once: the pauses of one whose children keep dying hold up nobody."""

RECENT = 20
"""So many of the latest jobs are looked at, to find one for a blow."""

SOON = 200
"""By so many bytes the ledger grows at most while a command that enqueues is there to be killed."""

BATCH = 12
"""How many jobs a command enqueues."""


class Kind(StrEnum):
    """What befalls whom. A worker is killed also with its `HEIR`, as soon as somebody takes its place."""

    WORKER = "worker"
    HEIR = "heir"
    KEEPER = "keeper"
    POOL_ALONE = "pool alone"
    WHOLE_POOL = "whole pool"
    FREEZE = "frozen"
    THAW = "thawed"
    KILLER = "job that kills its worker"
    CANCEL = "cancelled"
    RETRY = "retried"
    ENQUEUE = "enqueue"
    KILLED_ENQUEUE = "killed enqueue"


class Blow(NamedTuple):
    """One blow: it falls once the ledger has grown by `work` bytes; `where` in [0, 1) says on which of those that
    are there, and `workers` how many the pool keeps that is started in place of one killed."""

    kind: Kind
    where: float
    work: int
    workers: int


USUAL = {
    Kind.WORKER: 95,
    Kind.HEIR: 8,
    Kind.KEEPER: 15,
    Kind.POOL_ALONE: 12,
    Kind.WHOLE_POOL: 13,
    Kind.FREEZE: 8,
    Kind.THAW: 8,
    Kind.KILLER: 4,
    Kind.CANCEL: 10,
    Kind.RETRY: 10,
    Kind.ENQUEUE: 4,
    Kind.KILLED_ENQUEUE: 4,
}
"""How many blows of each kind make a storm."""


def drawn(rng: random.Random, most_work: int = SOON) -> list[Blow]:
    """The blows of a storm, in a random order; before each the ledger grows by `most_work` bytes at most."""
    bag = [kind for kind, times in USUAL.items() for _ in range(times)]
    rng.shuffle(bag)
    return [Blow(kind, rng.random(), rng.randrange(1, most_work), rng.randint(2, 4)) for kind in bag]


def any_job(ledger: Ledger, rng: random.Random, retries: tuple[int, ...] = (0, 1, 3)) -> dict[str, Any]:
    """A job: most are short, some longer, a few always fail, some wait, and some may not be run twice."""
    beats = rng.choice((0, 0, 0, 0, 0, 0, 1, 10, 30))
    then = "exit 1" if rng.random() < 0.1 else "exit 0"
    job: dict[str, Any] = {
        "command": ledger.command(beats, 0.03, then),
        # Longer ones go first, when they run again too: at once, where a process of the lost run may still live.
        "priority": int(beats > 1),
        "max_retries": rng.choice(retries),
    }
    if rng.random() < 0.15:
        job["delay"] = round(rng.uniform(0.05, 1.5), 3)
    return job


class Gale:
    """Deals blows to the pools of a storm, while jobs keep coming; `struck` of the storm counts those that landed.

    Below `fewest` unfinished jobs, more are enqueued, so that it never beats on idle workers.
    """

    def __init__(self, storm: Storm, rng: random.Random, fewest: int = 30) -> None:
        self._storm = storm
        self._rng = rng
        self._fewest = fewest
        self._batches = 0
        self._deaths: Counter[int] = Counter()
        self._enqueuing: list[tuple[subprocess.Popen[str], bool]] = []
        self.top_up()
        self._pools = [storm.start_pool(rng.randint(2, 4), host=self._host_of(at)) for at in range(ANCHORS)]

    def deal(self, blow: Blow) -> None:
        """Deal one blow, once it is time for it."""
        storm = self._storm
        self.top_up()
        self._replace_dead_pools()
        soon = min(blow.work, SOON)
        storm.let_work_go_on(soon)
        self._settle_enqueues([one for one in self._enqueuing if one[1]])
        if blow.work > soon:
            storm.let_work_go_on(blow.work - soon)
        match blow.kind:
            case Kind.WORKER:
                eventually(lambda: self._kill_worker(blow), 60, what=f"a worker can be hit; {storm.said()[-2000:]}")
            case Kind.HEIR:
                self._kill_worker_and_heir(blow)
            case Kind.KEEPER:
                eventually(lambda: self._kill_keeper(blow), 60, what=f"a keeper can be hit; {storm.said()[-2000:]}")
            case Kind.POOL_ALONE | Kind.WHOLE_POOL:
                self._kill_pool(blow)
            case Kind.FREEZE:
                victim = one_of(self._workers(), blow)
                storm.struck[blow.kind] += victim is not None and storm.freeze(victim.pid)
            case Kind.THAW:
                storm.thaw()
            case _:
                self._trouble(blow)

    def _trouble(self, blow: Blow) -> None:
        """What comes from people and jobs."""
        match blow.kind:
            case Kind.KILLER:
                self._storm.put(self._storm.ledger.command(then=KILLS_ITS_WORKER), max_retries=1, priority=1)
                self._storm.struck[blow.kind] += 1
            case Kind.CANCEL:
                self._cancel(blow)
            case Kind.RETRY:
                job = one_of(self._storm.store.run(page(ENDED, limit=RECENT)), blow)
                if job is not None:
                    self._storm.retry(job)
                    self._storm.struck[blow.kind] += 1
            case _:
                self._settle_enqueues([one for one in self._enqueuing if one[0].poll() is not None])
                self._enqueuing.append((self._enqueue(), blow.kind is Kind.KILLED_ENQUEUE))

    def top_up(self) -> None:
        """Enqueue more where there is little left to do."""
        if self._storm.unfinished() < self._fewest:
            self._storm.put_all([any_job(self._storm.ledger, self._rng) for _ in range(self._fewest)])

    def calm(self) -> None:
        """The end of it: who was stopped goes on, who enqueues may finish. The pools stay."""
        self._storm.thaw()
        self._settle_enqueues(self._enqueuing)

    # Who is hit

    def _workers(self) -> list[WorkerView]:
        """Every worker that lives, those whose pools are gone included."""
        return [view for view in worker_views(self._storm.store) if view.state is not WorkerState.LOST]

    def _kill_worker(self, blow: Blow) -> bool:
        victim = one_of(self._workers(), blow)
        process = look_at(victim.pid) if victim is not None else None
        if process is None or not self._storm.strike(process.pid):
            return False
        self._storm.struck[Kind.WORKER] += 1
        self._deaths[process.parent] += 1
        return True

    def _kill_worker_and_heir(self, blow: Blow) -> None:
        """Kill a worker of the pool that has lost the fewest, and the next child it makes, before that is ready."""
        storm = self._storm

        def found() -> tuple[Pool, set[int], int] | None:
            self._replace_dead_pools()
            pool = min(self._pools, key=lambda pool: self._deaths[pool.pid])
            # Before a victim is chosen: a job may be killing the same worker, and the heir must not pass for known.
            known = {child.pid for child in pool.children()}
            worker = one_of(sorted(known & storm.workers(pool).keys()), blow)
            return (pool, known, worker) if worker is not None else None

        pool, known, victim = eventually(found, 60, what="the pool has workers")
        storm.struck[Kind.WORKER] += storm.strike(victim)

        def heir_of() -> int | None:
            return next((child.pid for child in pool.children() if child.pid not in known), None)

        heir = eventually(lambda: heir_of() or (pool.has_ended() and victim), 60, what="a dead worker is replaced")
        storm.struck[Kind.HEIR] += storm.strike(heir)
        self._deaths[pool.pid] += 2

    def _replace_dead_pools(self) -> None:
        """Start a pool in place of each that a job has killed, instead of its worker.

        Where the worker was killed before its command's shell was up, the shell has been taken in by the pool, and
        finds it for its parent.
        """
        for at, pool in enumerate(self._pools):
            if pool.has_ended():
                self._pools[at] = self._storm.start_pool(pool.wanted, host=self._host_of(at))

    def _kill_keeper(self, blow: Blow) -> bool:
        """Kill the keeper of a pool that is whole; False where none is."""
        found = [(pool, keeper) for pool in self._pools if (keeper := self._storm.keeper(pool)) is not None]
        chosen = one_of(found, blow)
        if chosen is None or not self._storm.strike(chosen[1]):
            return False
        self._storm.struck[Kind.KEEPER] += 1
        self._deaths[chosen[0].pid] += 1
        return True

    def _kill_pool(self, blow: Blow) -> None:
        """Kill a pool, ready or not, and start another in its place."""
        at = int(blow.where * len(self._pools))
        self._storm.kill_pool(self._pools[at], with_children=blow.kind is Kind.WHOLE_POOL)
        self._pools[at] = self._storm.start_pool(blow.workers, host=self._host_of(at))

    def _host_of(self, at: int) -> Home:
        """Where the pool of that place runs; one that takes its place is of the same host."""
        return self._storm.hosts[at % len(self._storm.hosts)]

    # What people do meanwhile

    def _cancel(self, blow: Blow) -> None:
        store = self._storm.store
        latest = store.run(find(self._storm.acknowledged[-RECENT:]))
        held = [one.job for one in store.run(processing())]
        job = one_of([*held, *(job for job in latest if job.state not in ENDED)], blow)
        if job is not None:
            with contextlib.suppress(WrongState):  # It has ended meanwhile.
                store.run(cancel([job.id]))
                self._storm.struck[Kind.CANCEL] += 1

    def _enqueue(self) -> subprocess.Popen[str]:
        """Start a command that enqueues a batch."""
        self._batches += 1
        jobs = [{"id": f"b{self._batches}-{n}", **any_job(self._storm.ledger, self._rng)} for n in range(BATCH)]
        return start_enqueue(self._storm, jobs)

    def _settle_enqueues(self, which: list[tuple[subprocess.Popen[str], bool]]) -> None:
        """Kill those of these commands that are to be killed, and believe what each has said."""
        for process, dies in which:
            self._storm.struck[Kind.KILLED_ENQUEUE] += dies and self._storm.strike(process.pid)
            self._storm.acknowledged += what_it_said(process)
            assert dies or process.returncode == 0
            self._storm.struck[Kind.ENQUEUE] += process.returncode == 0
        self._enqueuing = [one for one in self._enqueuing if one not in which]


def start_enqueue(storm: Storm, jobs: list[dict[str, Any]]) -> subprocess.Popen[str]:
    """Start the command that enqueues these jobs, all of which have ids; it prints them."""
    storm.expect(jobs)
    command = [sys.executable, "-m", "queuectl_core", "--home", storm.home.path, "enqueue", "--from"]
    return subprocess.Popen(
        [*command, str(storm.jobs_file(jobs))],
        cwd=ROOT,
        env=storm.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def what_it_said(process: subprocess.Popen[str]) -> list[str]:
    """The ids that a command printed in full, once it has ended."""
    said, _ = process.communicate(timeout=60)
    return said.rpartition("\n")[0].split()


def one_of(found: list[T], blow: Blow) -> T | None:
    """The one that is meant of those that are there; None where there is none."""
    return found[int(blow.where * len(found))] if found else None
