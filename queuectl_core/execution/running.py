"""Running one claimed job: log file, command, watch, and what its end means."""

from __future__ import annotations

import os
import select
import signal
import time
from typing import NamedTuple

from queuectl_core.execution.environment import Environment
from queuectl_core.execution.hand import SHORT_MS
from queuectl_core.execution.lent_logs import LogMaker
from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.logs import Output, read_end
from queuectl_core.execution.process import CannotStart, Command, Exit, start
from queuectl_core.execution.processes import ADOPTS_ORPHANS, children_of_self, reap_all
from queuectl_core.execution.signals import SignalPipe
from queuectl_core.execution.survivors import Trail, end_survivors
from queuectl_core.execution.telling import Telling
from queuectl_core.execution.watch import Ended, Limits, Look, Reason, Watch
from queuectl_core.model.job import Job, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store import failpoints
from queuectl_core.store.contract import Store
from queuectl_core.store.failpoints import Failpoint
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.claims import token_of_run

FIRST_MOMENTS = SHORT_MS / 1000
"""Seconds in which a command mostly ends by itself where commands are short: nothing is to be done about it then."""

NO_EXIT = Exit(None, None)
"""How a command ended that could not be started."""

SHUTDOWN_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL})


class Ran(NamedTuple):
    """A run that is over, and when it ended, in seconds of the monotonic clock."""

    result: Result
    at: float


class Runner:
    """Runs the jobs of one worker, one at a time."""

    def __init__(
        self, home: Home, hold: Hold, poll: select.poll, signals: SignalPipe, tail_bytes: int, telling: Telling
    ) -> None:
        self._logs = LogMaker(home, hold.name)
        self._hold = hold
        self._poll = poll
        self._signals = signals
        self._tail_bytes = tail_bytes
        self._telling = telling
        self._environment = Environment(home.path, home.url)
        self._me = os.getpid()

    def run(self, job: Job, token: str, settings: Settings, look: Look) -> Ran:
        """Run the job's command to its end; never raises for it."""
        try:
            log = self._logs.make(job.number, job.runs)
        except OSError as error:
            return Ran(Result(Outcome.RELEASED, error=f"log file cannot be made: {error.strerror}"), time.monotonic())
        began = time.monotonic()
        is_blank = False
        try:
            ended = self._run(job, token, settings, look, log)
            at = self._ended_at(began)
            # A worker that is never idle would pile them up, and a pid that is not collected looks alive. Who is left
            # may have the log open.
            alone = reap_all() and ADOPTS_ORPHANS
            output = read_end(log, self._tail_bytes)
            is_blank = alone and output.size == 0
            return Ran(_result(ended, output, _ms(began, at)), at)
        finally:
            self._logs.done(is_blank=is_blank)

    def _run(self, job: Job, token: str, settings: Settings, look: Look, log: int) -> Ended:
        self._hold.note_start(token)
        try:
            command = start(job, token, log, settings.shell, self._environment.of(job, token))
        except CannotStart as error:
            return Ended(NO_EXIT, Reason(Outcome.RELEASED if error.by_system else Outcome.FAILED, str(error)))
        began = time.monotonic()
        self._hold.note_run(command.note)
        look.ahead()
        timeout = settings.job_timeout if job.timeout_ms is None else job.timeout_ms / 1000
        if (soon := self._soon_ended(command, began, timeout)) is not None:
            ended = Ended(soon, None)
        else:
            self._logs.keep()
            limits = Limits(timeout, settings.kill_grace, settings.max_log_bytes)
            watch = Watch(command, log, limits, self._me, began, lambda left: self._telling.stubborn(job, left))
            ended = watch.until_ended(self._poll, look)
        failpoints.reached(Failpoint.EXITED)
        if ended.exit.code != 0 and children_of_self():
            # It will run again, or is dead: nothing of this run may go on. What a success leaves, it may.
            self._end_all(job, Trail(token, command.note, (self._me,)), look)
        return ended

    def _end_all(self, job: Job, trail: Trail, look: Look) -> None:
        """End the survivors of a run, however long it takes: until then its job stays where it is."""
        told = False
        while left := end_survivors(trail):
            if not told:
                self._telling.stubborn(job, left)
            told = True
            look.at(True)  # Orders are heard meanwhile, and others go on to rely on us.

    def _soon_ended(self, command: Command, began: float, timeout: float | None) -> Exit | None:
        """How the command ended, where nothing else came before it, and no time to look after it."""
        until = began + (FIRST_MOMENTS if timeout is None else min(FIRST_MOMENTS, timeout))
        self._poll.poll(max(0.0, until - time.monotonic()) * 1000)
        return command.collected()

    def _ended_at(self, began: float) -> float:
        """When the command that was just collected ended: we may have been busy with the next one's claim then."""
        return at if began <= (at := self._signals.child_ended_at) else time.monotonic()

    def rest(self) -> None:
        """Let go of what is kept open from one run to the next."""
        self._logs.close()

    def end_previous(self, store: Store, job: Job) -> bool:
        """End what survives of the run before, so that the job never runs twice at once; False while some does.

        Raises a StoreError.
        """
        previous = store.run(token_of_run(job.number, job.runs - 1))
        left = end_survivors(Trail(previous)) if previous is not None else []
        reap_all()
        return not left


def _ms(began: float, at: float) -> int:
    return round((at - began) * 1000)


def _result(ended: Ended, output: Output, duration_ms: int) -> Result:
    outcome, error = _judged(ended.exit, ended.reason)
    return Result(outcome, ended.exit.code, ended.exit.signal, error, duration_ms, output.size, output.tail)


def _judged(exited: Exit, reason: Reason | None) -> tuple[Outcome, str | None]:
    """The outcome of a run and its error, by how the command ended and why it was ended, where it was."""
    if reason is None:
        return (Outcome.COMPLETED if exited.code == 0 else Outcome.FAILED), exited.error
    if reason.outcome is Outcome.RELEASED and exited.code == 0:
        return Outcome.COMPLETED, None
    return reason.outcome, reason.error


def was_cut_short(result: Result) -> bool:
    """Whether a signal that a shutdown may send ended the run, not a limit of ours, which has its own error."""
    # A shell says of a command that a signal ended: 128 and its number; so do programs that tidy up first.
    number = result.signal if result.signal is not None else (result.exit_code or 0) - 128
    by_signal = result.outcome is Outcome.FAILED and number in SHUTDOWN_SIGNALS
    return by_signal and result.error == Exit(result.exit_code, result.signal).error
