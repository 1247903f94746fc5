"""`queuectl` as a test rigs it: its processes kill themselves at a failpoint, until enough have died there.

    python -m tests.crash.rigged '{"phase": "spawned", ...}' ARGUMENTS OF QUEUECTL

What a kill hit is written down first, in a file that the processes of all pools of a test share; so a kill counts
only where the process was in the very phase that is named.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from queuectl_core.cli.main import main
from queuectl_core.execution import worker
from queuectl_core.execution.hand import Hand
from queuectl_core.store import failpoints
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.sqlite import store as sqlite_store
from queuectl_core.store.sqlite import wal

ODDS = 0.3
"""How likely a kill is each time that its phase is reached, so that it meets all kinds of jobs."""


class Phase(StrEnum):
    """Where in the work of a pool a process is killed."""

    CLAIM_WRITTEN = "before the commit of a claim"
    CLAIMED = "after the commit of a claim"
    RESULT_WRITTEN = "before the commit of a result"
    REPORTED = "after the commit of a result"
    HANDED_BACK = "after jobs that were not begun are given back"
    SPAWNED = "after a spawn, before the pid is noted"
    EXITED = "after an exit"
    RECOVERING = "inside a recovery"
    GIVING_ON = "before the commit of a recovered job"
    RECOVERED = "after a recovery, before the dead are seen off"
    CHECKPOINTING = "before a log is copied"
    IN_CHECKPOINT = "while a log is copied"
    CHECKPOINTED = "after a log is copied"


class Rig(NamedTuple):
    """What is to happen: in which phase, how often in all, and whether the pool is killed first. `struck` is the
    file in which each kill is noted; where `lost` is given, so often a worker dies after an exit, too, so that there
    is something to recover."""

    phase: str
    times: int
    with_pool: bool
    struck: str
    lost: int = 0
    short_logs: bool = False
    odds: float = ODDS


class FullHand(Hand):
    """A hand that never claims one job alone, however long the runs before took.

    A worker takes several at once only where commands are short by the clock, which none is on a machine that is slow
    enough. There, too, it has something to give back so: each run that lasts longer than a short one makes it do that.
    """

    def wanted(self) -> int:
        """One at least that waits behind another."""
        return max(super().wanted(), 2 - len(self.claimed))


def is_claim(turns: Any) -> bool:
    """Whether a turn's answer says that something was claimed."""
    return bool(getattr(turns, "claimed", None))


def phases_of(point: Failpoint, subject: tuple[Any, ...]) -> set[Phase]:
    """The phases that a process is in at a failpoint."""
    match point, *subject:
        case Failpoint.BEFORE_COMMIT | Failpoint.AFTER_COMMIT, transaction, result:
            return _phases_of_commit(point is Failpoint.BEFORE_COMMIT, transaction, result)
        case _:
            return {NAMED[point]} if point in NAMED else set()


NAMED = {
    Failpoint.SPAWNED: Phase.SPAWNED,
    Failpoint.EXITED: Phase.EXITED,
    Failpoint.RECOVERING: Phase.RECOVERING,
    Failpoint.RECOVERED: Phase.RECOVERED,
    Failpoint.CHECKPOINTING: Phase.CHECKPOINTING,
    Failpoint.CHECKPOINTED: Phase.CHECKPOINTED,
}


def _phases_of_commit(before: bool, transaction: Any, result: Any) -> set[Phase]:
    match transaction.function.__name__:
        case "take_turns":
            found = set()
            if transaction.args[0]:
                found.add(Phase.RESULT_WRITTEN if before else Phase.REPORTED)
            if is_claim(result):
                found.add(Phase.CLAIM_WRITTEN if before else Phase.CLAIMED)
            return found
        case "take_turn" if before:
            return {Phase.GIVING_ON}  # A pool takes single turns in recovery alone.
        case "unclaim" if not before and transaction.args[0]:
            return {Phase.HANDED_BACK}
    return set()


class Trap:
    """What stands in for `failpoints.reached` in the processes of a rigged pool."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._pool = os.getpid()
        self._copying = -1

    def __call__(self, point: Failpoint, *subject: object) -> None:
        """Strike where the process is in the phase that is meant, and enough have not yet been struck there."""
        if point is Failpoint.SPAWNED:
            note(begun_file(self._rig.struck), str(subject[1]))
        phases = phases_of(point, subject)
        wanted, rig = self._rig.phase, self._rig
        if point is Failpoint.CHECKPOINTED and self._copying >= 0:
            self._call_off()
        if wanted in phases and self._may(wanted, rig.times):
            self._strike(wanted, with_pool=rig.with_pool)
        if Phase.EXITED in phases and rig.lost and self._may(Phase.EXITED, rig.lost):
            self._strike(Phase.EXITED)
        if point is Failpoint.CHECKPOINTING and wanted == Phase.IN_CHECKPOINT and self._may(wanted, rig.times):
            self._copying = self._strike_soon(wanted)

    def _may(self, phase: str, times: int) -> bool:
        return (
            os.getpid() != self._pool and random.random() < self._rig.odds and struck(self._rig.struck, phase) < times
        )

    def _strike(self, phase: str, *, with_pool: bool = False) -> None:
        note(self._rig.struck, phase)
        if with_pool and os.getppid() == self._pool:
            os.kill(self._pool, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    def _strike_soon(self, phase: str) -> int:
        """Have a child strike from outside, in the midst of what comes now; the reading end of its life line."""
        victim, (reader, writer) = os.getpid(), os.pipe()
        if os.fork() == 0:
            os.close(reader)
            started, pause = time.monotonic(), random.random() * 0.003
            while time.monotonic() < started + pause:
                pass
            # Stopped first: only then is it certain whether it was too late.
            os.kill(victim, signal.SIGSTOP)
            note(self._rig.struck, phase)
            os.kill(victim, signal.SIGKILL)
            os._exit(0)
        os.close(writer)
        return reader

    def _call_off(self) -> None:
        """The log is copied before the strike came: it still comes, and must not count as one within."""
        note(self._rig.struck, f"not {self._rig.phase}")
        os.read(self._copying, 1)
        signal.pause()


def note(path: str, words: str) -> None:
    """Add a line to a file that several processes write to."""
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.write(handle, f"{words}\n".encode())
    os.close(handle)


def begun_file(struck_file: str) -> str:
    """The file in which each run is noted, by its token, whose command was started."""
    return f"{struck_file}.begun"


def struck(path: str, phase: str) -> int:
    """How many kills have landed in a phase; those that came too late do not count."""
    lines = Path(path).read_text().splitlines() if os.path.exists(path) else []
    return lines.count(phase) - lines.count(f"not {phase}")


def rigged(rig: Rig) -> Callable[..., None]:
    """Put the trap where the failpoints are."""
    trap = Trap(rig)
    failpoints.reached = trap
    if rig.short_logs:
        # So that there are checkpoints to be struck, by keepers and by writers.
        wal.LONG_LOG_PAGES, wal.COMMITS_A_LOOK, sqlite_store.EARLY_CHECKPOINT_PAGES = 60, 4, 20
    if rig.phase == Phase.HANDED_BACK:
        worker.Hand = FullHand  # type: ignore[attr-defined]
    return trap


if __name__ == "__main__":
    rigged(Rig(**json.loads(sys.argv.pop(1))))
    main()
