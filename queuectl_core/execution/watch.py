"""Watching one command to its end: deadline, cancellation, size of output, forced stop.

All forced endings are one path: TERM to the group, `kill_grace` seconds, then KILL to the group and to
every survivor that carries the run's token; the run is over when none is left.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import NamedTuple

from queuectl_core.execution.process import Command, Exit
from queuectl_core.execution.processes import Process, reap_strays, send
from queuectl_core.execution.survivors import Trail, find_survivors
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import Outcome

ENDING_LOOK = 0.02
"""Seconds between two looks at what is left of a tree that is being ended."""

STUBBORN_LOOK = 1.0
"""The same, once some of it has outlasted KILL by `PATIENCE`."""

PATIENCE = 10.0
"""Seconds from KILL until what is left is taken for something that cannot be ended."""

SIZE_LOOK = 0.2
"""Seconds between two looks at the size of the output, where it is limited."""

FLOOD_BYTES = 64 * 2**20
"""A run that is being ended, and has written so much more than it may, is killed at once: it would fill the disk."""

ROUTINE_LOOK = 1.0
"""Seconds between two looks at the store: the guarantee, where a doorbell is only a hint."""


class Limits(NamedTuple):
    """What a run may take: seconds until its deadline, seconds from TERM to KILL, bytes of output."""

    timeout: float | None
    kill_grace: float
    max_log_bytes: int | None


class Look(NamedTuple):
    """How the worker looks after a run meanwhile: `at` is called whenever something comes for the worker, and
    with True by routine: `first()` seconds after the start, then each `each` seconds, and once a second at the least.
    It returns a reason where the run should be ended. `ahead` is called once, when the command has been started."""

    at: Callable[[bool], Reason | None]
    ahead: Callable[[], None]
    first: Callable[[], float]
    each: float


class Reason(NamedTuple):
    """Why a run is being ended, and the error it will show; `within` how many seconds it must have gone, where that
    may not last as long as usual."""

    outcome: Outcome
    error: str | None
    within: float | None = None


class Ended(NamedTuple):
    """How the command ended, and why, where it was ended."""

    exit: Exit
    reason: Reason | None


class Watch:
    """The watch over one command. `poll` wakes for SIGCHLD, and for what else concerns the worker; a `Look` takes in
    what came. `began` is when the command did, in seconds of the monotonic clock. `stubborn` is called once where
    processes of it outlast KILL for long."""

    def __init__(
        self,
        command: Command,
        log: int,
        limits: Limits,
        adopter: int,
        began: float,
        stubborn: Callable[[list[Process]], None],
    ) -> None:
        self._command = command
        self._log = log
        self._limits = limits
        self._trail = Trail(command.note.token, command.note, (adopter,))
        self._began = began
        self._reason: Reason | None = None
        self._kill_at = 0.0
        self._killed = False
        self._stubborn: Callable[[list[Process]], None] | None = stubborn
        """Called where there is something to tell of them, which has not been told."""

    def until_ended(self, poll: select.poll, look: Look) -> Ended:
        """Wait until the command has ended, and end it where need be."""
        routine_at = self._began + look.first()
        looked = False
        while True:
            # At once after a look: what it took in may have been the word of the end.
            wait_ms = 0.0 if looked else max(0.0, self._next_look(routine_at) - time.monotonic()) * 1000
            # Asked again: where a signal cuts the wait short and the time is over, as for a process that was
            # stopped, Python says that nothing is ready without a look.
            ready = poll.poll(wait_ms) or poll.poll(0)
            if self._reason is None:
                found = self._command.collected()
                if found is not None:
                    return Ended(found, None)
            # While its tree is being ended the leader stays uncollected, so that its group is its own.
            exited = self._reason is not None and self._command.has_ended()
            if exited and not find_survivors(self._trail):
                return Ended(self._command.collect(), self._reason)
            if ready and not exited:
                # Perhaps an orphan of the command, which waits for it to be gone.
                reap_strays((self._command.pid,))
            routine = time.monotonic() >= routine_at
            if routine:
                routine_at = time.monotonic() + min(ROUTINE_LOOK, look.each)
            looked = bool(ready) or routine
            self._consider(look.at(routine) if looked else None)
            self._press_on()
            if exited:
                looked = False
                time.sleep(self._ending_look())

    def _next_look(self, routine_at: float) -> float:
        times = [routine_at]
        if self._reason is not None:
            times.append(time.monotonic() + self._ending_look() if self._killed else self._kill_at)
        elif self._limits.timeout is not None:
            times.append(self._began + self._limits.timeout)
        if self._limits.max_log_bytes is not None and not self._killed:
            times.append(time.monotonic() + (SIZE_LOOK if self._reason is None else ENDING_LOOK))
        return min(times)

    def _consider(self, asked: Reason | None) -> None:
        """Begin to end the run, where there is a reason and it is not being ended yet."""
        if asked is not None and asked.within is not None and self._reason is not None:
            self._kill_at = min(self._kill_at, time.monotonic() + asked.within)
        if self._reason is not None and self._has_written(FLOOD_BYTES):
            self._kill_at = min(self._kill_at, time.monotonic())
        reason = self._reason or asked or self._overrun()
        if reason is None or self._reason is not None:
            return
        self._reason = reason
        grace = self._limits.kill_grace if reason.within is None else min(self._limits.kill_grace, reason.within)
        self._kill_at = time.monotonic() + grace
        self._command.signal_group(signal.SIGTERM)
        for process in find_survivors(self._trail):
            if process.session != self._command.pid:
                send(process, signal.SIGTERM)

    def _overrun(self) -> Reason | None:
        timeout = self._limits.timeout
        if timeout is not None and time.monotonic() >= self._began + timeout:
            return Reason(Outcome.TIMED_OUT, f"timed out after {format_duration(timeout)}")
        if self._has_written(0):
            most = self._limits.max_log_bytes
            return Reason(Outcome.FAILED, f"output grew past max_log_bytes ({most} bytes)")
        return None

    def _has_written(self, more: int) -> bool:
        """Whether there are so many bytes more of output than there may be, where that is limited."""
        most = self._limits.max_log_bytes
        return most is not None and os.fstat(self._log).st_size > most + more

    def _press_on(self) -> None:
        """Kill what is left, once the grace has run out."""
        if self._reason is None or time.monotonic() < self._kill_at:
            return
        self._killed = True
        self._command.signal_group(signal.SIGKILL)
        left = find_survivors(self._trail)
        for process in left:
            send(process, signal.SIGKILL)
        if left and self._stubborn is not None and self._is_stubborn():
            self._stubborn(left)
            self._stubborn = None

    def _ending_look(self) -> float:
        return STUBBORN_LOOK if self._is_stubborn() else ENDING_LOOK

    def _is_stubborn(self) -> bool:
        return self._killed and time.monotonic() > self._kill_at + PATIENCE
