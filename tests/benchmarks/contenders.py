"""Processes that all take turns with one store at the same time, as workers do, and note the longest."""

from __future__ import annotations

import multiprocessing
import os
import time
from multiprocessing.synchronize import Barrier

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from tests.benchmarks.ground import PATIENCE
from tests.benchmarks.turns import Claimant

FORK = multiprocessing.get_context("fork")


def contend(home: Home, processes: int, seconds: float, command: tuple[str, ...]) -> list[float]:
    """Have so many processes take turns for so long, each running a command between two turns if there is one.

    Returns the seconds of the longest turn of each. Raises RuntimeError where one of them did not come to its end.
    """
    told = FORK.SimpleQueue()
    barrier = FORK.Barrier(processes + 1)
    children = [
        FORK.Process(target=_take_turns, args=(home, f"bench-{n}", seconds, command, barrier, told), daemon=True)
        for n in range(processes)
    ]
    for child in children:
        child.start()
    try:
        barrier.wait(PATIENCE)
        for child in children:
            child.join(seconds + PATIENCE)
        if any(child.exitcode != 0 for child in children):
            raise RuntimeError("a process did not come to the end of its turns")
        return [told.get() for _ in children]
    finally:
        for child in children:
            child.kill()
            child.join()


def _take_turns(
    home: Home,
    worker: str,
    seconds: float,
    command: tuple[str, ...],
    barrier: Barrier,
    told: multiprocessing.SimpleQueue[float],
) -> None:
    with SqliteStore(home, holds_schema=True) as store:
        claimant, longest = Claimant(store, worker), 0.0
        barrier.wait(PATIENCE)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            longest = max(longest, claimant.turn())
            if command:
                _run(command)
    told.put(longest)


def _run(command: tuple[str, ...]) -> None:
    os.waitpid(os.posix_spawn(command[0], command, os.environ), 0)
