"""A past for the example work: a day of arrivals, claims and ends, played to the store with its clock shifted.

Nothing runs here. What the statistics show of it comes from the same transactions that real workers use.
"""

from __future__ import annotations

import heapq
import math
import os
import random
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from queuectl_core.execution.logs import make_log
from queuectl_core.model.job import Job
from queuectl_core.model.settings import Settings
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Kind, Transaction
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.claims import Ask, Report, take_turn
from queuectl_core.store.transactions.statistics import tidy
from queuectl_tui.demo.examples import Ending, Example, any_example

T = TypeVar("T")

DAY_MS = 24 * 60 * 60 * 1000
_STRETCHES = ((DAY_MS, 280), (3 * 60 * 60 * 1000, 330), (15 * 60 * 1000, 70))
"""How many jobs come in the last so many ms: the more, the nearer, as if the day had grown busy."""

_BURSTS, _BURST, _BURST_SIZES = (DAY_MS, 3 * 60 * 60 * 1000), 10, (6, 9, 14)
"""Now and then, so often in each of these stretches, so many come at once that some have to wait."""

_TIDY_MS = 60 * 1000

_NO_SETTINGS = Settings.from_texts({})


class Hands:
    """A clock that is set by hand, in ms since the epoch."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class _Running(NamedTuple):
    job: Job
    token: str
    ending: Ending


class _Moment(NamedTuple):
    """Something that happens at an instant: a job comes, a worker's run has ended, or one that is idle should look."""

    at: int
    order: int
    example: Example | None = None
    worker: str = ""
    ended: _Running | None = None


def arrivals(now: int, chance: random.Random) -> list[tuple[int, Example]]:
    """When jobs came in the day before `now`, and which, in order."""
    instants = [now - round(length * _part(chance)) for length, count in _STRETCHES for _ in range(count)]
    for length in _BURSTS:
        for _ in range(_BURST):
            instants += [now - round(length * chance.random())] * chance.choice(_BURST_SIZES)
    return [(at, any_example(chance)) for at in sorted(instants)]


def _part(chance: random.Random) -> float:
    """A moment of a stretch, as its part; in two waves, one of them short."""
    while True:
        part = chance.random()
        height = 0.55 + 0.3 * math.sin(2 * math.pi * part) + 0.15 * math.sin(14 * math.pi * part)
        if chance.random() < height:
            return part


class Past:
    """One play: `workers` by name, who take what there is and end it after its seconds. Jobs belong in `cwd`."""

    def __init__(self, store: SqliteStore, clock: Hands, workers: tuple[str, ...], cwd: str) -> None:
        self._store, self._clock, self._cwd = store, clock, cwd
        self._idle = list(workers)
        self._moments: list[_Moment] = []
        self._count = 0
        self._tidied = clock.now
        self._examples: dict[int, Example] = {}

    def expect(self, coming: Iterable[tuple[int, Example]]) -> None:
        """These come, each at its instant (ms since the epoch)."""
        for at, example in coming:
            self._plan(at, example=example)

    def play(self, until: int) -> None:
        """Let happen what does up to the instant `until`."""
        while self._moments and self._moments[0].at <= until:
            self._happen(heapq.heappop(self._moments))
        self._clock.now = until

    def end_all(self) -> None:
        """What runs now ends now."""
        for running in self._running():
            self._run(take_turn(self._end(running), None))

    def leave_running(self) -> None:
        """What runs now goes on; its logs hold what was written so far."""
        for job, _, ending in self._running():
            part = (self._clock.now - (job.started_at or 0)) / (1000 * ending.seconds)
            _write_log(self._store.home, job, ending.output[: round(part * len(ending.output))])

    def _running(self) -> list[_Running]:
        return [moment.ended for moment in self._moments if moment.ended is not None]

    def _plan(
        self, at: int, *, example: Example | None = None, worker: str = "", ended: _Running | None = None
    ) -> None:
        self._count += 1
        heapq.heappush(self._moments, _Moment(at, self._count, example, worker, ended))

    def _happen(self, moment: _Moment) -> None:
        self._clock.now = max(self._clock.now, moment.at)
        self._tidy()
        if moment.example is not None:
            job = self._run(enqueue(moment.example.job._replace(cwd=self._cwd)))
            self._examples[job.number] = moment.example
        elif moment.ended is not None:
            self._turn(moment.worker, moment.ended)
            return
        if self._idle:
            self._turn(self._idle.pop(0), None)

    def _tidy(self) -> None:
        """What a pool's keeper does beside: it samples how deep the queues are."""
        if self._clock.now - self._tidied >= _TIDY_MS:
            self._tidied = self._clock.now
            self._run(tidy())

    def _turn(self, worker: str, ended: _Running | None) -> None:
        """Report what ended, if anything, and take the next job; or be idle until one is due."""
        self._count += 1
        token = f"{self._count:032x}"
        turn = self._run(take_turn(self._end(ended) if ended else None, Ask(worker, token)))
        now = self._clock.now
        if turn.job is not None:
            ending = self._examples[turn.job.number].ending(turn.job.runs)
            running = _Running(turn.job, token, ending)
            self._plan(now + round(ending.seconds * 1000), worker=worker, ended=running)
            return
        self._idle.append(worker)
        if turn.next_due_ms is not None:
            self._plan(now + max(1, turn.next_due_ms))

    def _end(self, ended: _Running) -> Report:
        _write_log(self._store.home, ended.job, ended.ending.output)
        return Report(ended.job.number, ended.token, ended.ending.result(), _NO_SETTINGS)

    def _run(self, transaction: Transaction[T]) -> T:
        return hastily(self._store, transaction)


def hastily(store: SqliteStore, transaction: Transaction[T]) -> T:
    """Run a transaction without waiting for the disk: example work may be lost with the power."""
    return store.run(transaction._replace(kind=Kind.WORK))


def _write_log(home: Home, job: Job, output: str) -> None:
    """The log of the latest run of a job."""
    log = make_log(home, job.number, job.runs)
    try:
        os.write(log, output.encode())
    finally:
        os.close(log)


def worker_names(pool: str, count: int) -> tuple[str, ...]:
    """The names of a pool's workers."""
    return tuple(f"{pool}-{n}" for n in range(1, count + 1))
