"""One worker process: report the run that ended, claim the next, run it, again.

It holds its lock for its whole life, keeps one connection, and is the parent of the commands it runs.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import time

from queuectl_core.execution import events, orders
from queuectl_core.execution.hand import Finished, Hand, OpenTurn, stopwatch
from queuectl_core.execution.idling import ROUTINE_LOOK_MS, Sleeper
from queuectl_core.execution.liveness import Hold, Success
from queuectl_core.execution.orders import Inbox, WorkerOptions, drain_bytes
from queuectl_core.execution.processes import become_subreaper, reap_strays
from queuectl_core.execution.running import Runner, was_cut_short
from queuectl_core.execution.signals import SignalPipe
from queuectl_core.execution.standing import Standing
from queuectl_core.execution.telling import Telling
from queuectl_core.execution.watch import ROUTINE_LOOK, Look, Reason
from queuectl_core.model.errors import OutcomeUnknown, StoreError
from queuectl_core.model.job import Job, Outcome
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home
from queuectl_core.store.opening import open_home
from queuectl_core.store.statements import Wake
from queuectl_core.store.transactions import claims, workers
from queuectl_core.store.transactions.claims import Ask, Held, Report, Turns
from queuectl_core.store.transactions.places import Places
from queuectl_core.store.transactions.settings import StoredSettings, settings

STORE_PATIENCE = (0.1, 5.0)
"""Seconds between two tries where the store is in trouble: at first, and at most."""

SHUTDOWN_NOTICE = 0.1
"""Seconds that the news of a shutdown may come after the signal which ended a run; its worker idles meanwhile."""

CROWDED = 1.0
"""Seconds that a line at the store is taken to last: who waits for it watches no command meanwhile."""


class Worker:
    """A worker; `work` returns once it has been told to leave and has."""

    def __init__(self, home: Home, options: WorkerOptions, inbox: Inbox, report: events.Report) -> None:
        self._options = options
        self._inbox = inbox
        self._telling = Telling(options.id, report)
        self._draining = False
        self._stopping = False
        self._abandoned = False
        """Whether we leave with results untold, since the store would not take them."""
        self._signals = SignalPipe((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD))
        become_subreaper()
        self._hold = Hold(home, options.id)
        self._doorbell = Doorbell(home)
        self._store = open_home(home, holds_schema=True, makes=False)
        self._control = os.open(self._doorbell.control_of(options.id), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        others = (self._inbox.handle, self._control, self._signals.handle)
        stored = self._store.run(settings())
        self._standing = Standing(self._store, options, self._hold, self._telling, stored.values)
        self._sleeper = Sleeper(
            self._store, lambda: self._doorbell.bells_of(options.id, options.queues), others, self._standing.keep
        )
        self._poll = select.poll()
        for handle in others:
            self._poll.register(handle, select.POLLIN)
        self._runner = Runner(home, self._hold, self._poll, self._signals, self._store.tail_bytes, self._telling)
        self._hand = Hand()
        self._places = Places()
        self._turn: OpenTurn | None = None
        self._crowded_until = 0.0
        """Until when (s, monotonic) no turn is taken during a run, since others stood in line for the store."""
        self._rung = False
        """Whether a ring woke us that we have not passed on."""
        self._standing.register(self._adopt_settings(stored))

    def work(self) -> None:
        """Take turns until told to leave."""
        due: int | None = None
        while not self._abandoned:
            if self._hear() or self._draining or self._hand.returning:
                self._give_back()
            if not self._may_go_on():
                self._pause(STORE_PATIENCE[0])
                continue
            if self._hand.must_report():
                turns = self._take_turns()
                due = ROUTINE_LOOK_MS if self._standing.displaced else turns.next_due_ms
                self._pass_on_ring(turns.claimed)
            if self._draining:
                if self._hand.empty or self._abandoned:
                    break
                self._pause(STORE_PATIENCE[1])  # What could not be given back must be, before we leave.
            elif self._hand.claimed:
                if not self._standing.lease.over:
                    self._begin(self._hand.claimed.popleft())
            else:
                self._rung = self._rest(due)
        self._leave()

    def _pass_on_ring(self, claimed: list[Held]) -> None:
        """One ring wakes one worker; whoever finds work wakes the next, until there is none left."""
        if not claimed:
            return
        self._rung |= self._sleeper.stop_listening()
        if self._rung:
            self._doorbell.ring([Wake(queues=frozenset({claimed[0].job.queue}))])
            self._rung = False

    def _rest(self, due_in_ms: int | None) -> bool:
        """Hang out the bells and look once more; or, where that was done, sleep. Whether a bell woke us."""
        if not self._sleeper.listening:
            self._runner.rest()
            self._hand.slow_down()
            self._sleeper.listen()
            if self._options.ring_when_idle:
                self._doorbell.ring([Wake(pools=frozenset({self._options.pool}))])
            return False
        rung = self._sleeper.sleep(due_in_ms)
        reap_strays(())
        self._standing.keep()
        rung |= self._sleeper.stop_listening()
        self._sleeper.listen()
        return rung

    def _take_turns(self) -> Turns:
        """One turn with the store, however long the store is in trouble; nothing is lost meanwhile."""
        wait, most = STORE_PATIENCE
        while True:
            try:
                turns = self._take_turn()
            except StoreError as error:
                if wait == STORE_PATIENCE[0]:
                    self._telling.trouble(error)
                if self._draining and self._hand.empty:
                    # Where another machine keeps the store, we may have been given jobs that we do not know of.
                    self._abandoned = self._standing.is_shared
                    return Turns([], [], None, self._version)
                self._pause(wait)
                if self._abandoned:
                    return Turns([], [], None, self._version)
                wait = min(wait * 2, most)
            else:
                self._keep_up(turns)
                return turns

    def _take_turn(self, *, claiming: bool = True, ahead: bool = False) -> Turns:
        """Report and claim. Raises a StoreError; then the next call takes this very turn again: perhaps it was taken,
        and only the answer was lost."""
        if self._turn is None:
            age, reports = stopwatch(), self._hand.reports()
            asks = self._asks() if claiming else []
            transaction = claims.take_turns(reports, asks, ahead=ahead, places=self._places, age=age)
            self._turn = OpenTurn(transaction, reports)
        try:
            turns = self._store.run(self._turn.transaction)
        except OutcomeUnknown:
            self._abandoned = True  # What we were perhaps given, and do not know of, recovery gives on.
            raise
        reports, self._turn = self._turn.reports, None
        self._settle(reports, turns)
        self._hand.take(turns.claimed)
        return turns

    def _pause(self, seconds: float) -> None:
        """Wait for trouble with the store to pass. Told to stop meanwhile, leave it all to recovery."""
        self._poll.poll(seconds * 1000)
        self._rung |= self._hear()
        self._abandoned |= self._stopping

    def _asks(self) -> list[Ask]:
        if self._draining or not self._standing.may_claim():
            return []
        options = self._options
        return [Ask(options.id, os.urandom(16).hex(), options.queues) for _ in range(self._hand.wanted())]

    def _settle(self, reports: list[Report], turns: Turns) -> None:
        """Close the books on what was reported; more may have ended since."""
        for report, job in zip(reports, turns.ended, strict=True):
            self._telling.end(report, job)
        self._hand.reported(len(reports))
        self._hold.note_reported(report.token for report in reports)

    def _give_back(self, *, meanwhile: bool = False) -> None:
        """Report what is finished and give back what is not begun; a store in trouble is asked again later.

        While a run goes on (`meanwhile`), other writers are hardly waited for: it must be watched.
        """
        self._hand.slow_down()
        if self._hand.empty and self._turn is None:
            return
        patience = self._store.impatient(self._standing.lease.patience) if meanwhile else contextlib.nullcontext()
        with contextlib.suppress(StoreError), patience:
            self._take_turn(claiming=False)
            self._store.run(claims.unclaim(self._hand.give_back()))
            self._hand.returning.clear()

    def _begin(self, held: Held) -> None:
        """Run a job that was claimed, once nothing of its run before is left, and take in its result."""
        if held.job.runs > 1:
            self._give_back()
            if not self._way_is_clear(held.job):
                self._hand.take([held])
                return
        self._hand.add(self._run(held.token, held.job))

    def _way_is_clear(self, job: Job) -> bool:
        """Whether nothing of the run before is left, and no other host can have begun the job: that may take long."""
        clear = False
        try:
            clear = self._runner.end_previous(self._store, job)
        except StoreError as error:
            self._telling.trouble(error)
        if not clear:
            self._pause(STORE_PATIENCE[1])
        self._standing.beat()
        return clear and not self._standing.lease.over

    def _run(self, token: str, job: Job) -> Finished:
        self._telling.start(job)
        each = min(ROUTINE_LOOK, self._standing.lease.heartbeat)
        look = Look(
            lambda routine: self._look(token, job, routine),
            self._look_ahead,
            lambda: self._hand.first_look(each),
            each,
        )
        result, at = self._runner.run(job, token, self._settings, look)
        if result.outcome is Outcome.COMPLETED:
            self._hold.note_success(token, Success(result.duration_ms, result.output_bytes))
        if was_cut_short(result) and (self._standing.lease.over or self._is_shutdown()):
            result = result._replace(outcome=Outcome.RELEASED)
        if result.outcome is Outcome.RELEASED and not self._draining:
            # The machine, not the job, could not do it: give it time.
            self._give_back(meanwhile=True)
            self._poll.poll(STORE_PATIENCE[1] * 1000)
        return Finished(Report(job.number, token, result, self._settings, random.random()), at)

    def _look_ahead(self) -> None:
        """Take the next turn while a run goes on, where that is likely to be short, and no line is to be stood in."""
        now = time.monotonic()
        if now < self._crowded_until or self._draining or not self._hand.looks_ahead() or self._standing.lease.over:
            return
        with contextlib.suppress(StoreError), self._store.impatient(self._standing.lease.patience):
            if self._store.is_crowded():
                self._crowded_until = now + CROWDED
            else:
                self._keep_up(self._take_turn(ahead=True))

    def _may_go_on(self) -> bool:
        """Whether what we claimed is ours to begin. Where others were told that we are gone, it is given back."""
        self._standing.beat()
        if not self._standing.lease.over:
            return True
        if self._standing.lease.lost:
            self._give_back()
            if self._hand.empty and not self._draining:
                with contextlib.suppress(StoreError):
                    self._standing.register(self._version)
        return self._hand.empty

    def _look(self, token: str, job: Job, routine: bool) -> Reason | None:
        """Whether the run should be ended: asked each second, and at once when something came."""
        with self._store.impatient(self._standing.lease.patience):
            came = self._hear()
            if routine:
                self._standing.keep()
            if fenced := self._standing.fenced():
                return fenced
            if came or routine or self._draining:
                self._give_back(meanwhile=True)
            if self._stopping:
                return Reason(Outcome.RELEASED, None)
            with contextlib.suppress(StoreError):
                if (came or routine) and self._store.run(claims.cancel_wanted(job.number, token)):
                    return Reason(Outcome.CANCELLED, "cancelled")
        return self._standing.fenced()

    def _hear(self) -> bool:
        """Take in orders, signals and rings; whether a ring came for this worker."""
        # Asked first, since this is done at every run, when mostly one of the three has something.
        came = [handle for handle, _ in self._poll.poll(0)]
        if not came:
            return False
        was_draining = self._draining
        if self._inbox.handle in came:
            self._obey()
        if self._signals.handle in came:
            self._draining |= self._signals.brought_orders()
        if self._draining and not was_draining:
            with contextlib.suppress(StoreError), self._store.impatient():
                self._store.run(workers.worker_draining(self._options.id))
        return self._control in came and drain_bytes(self._control)

    def _obey(self) -> None:
        """Take in what the pool says, or that it is no more."""
        for words in self._inbox.lines():
            self._draining = True
            self._stopping |= words[0] == orders.STOP
        if self._inbox.closed:
            # The pool is dead: finish what runs, claim nothing more.
            self._draining = True
            with contextlib.suppress(KeyError):
                self._poll.unregister(self._inbox.handle)

    def _is_shutdown(self) -> bool:
        """Whether the pool is stopping; a signal to all may reach the command before the news reaches us. What is not
        begun waits for no such news."""
        self._give_back(meanwhile=True)
        deadline = time.monotonic() + SHUTDOWN_NOTICE
        while not self._draining and (left := deadline - time.monotonic()) > 0:
            self._poll.poll(left * 1000)
            self._rung |= self._hear()
        return self._draining

    def _keep_up(self, turn: Turns) -> None:
        """Take up settings that were changed."""
        if turn.settings_version == self._version:
            return
        with contextlib.suppress(StoreError):
            version = self._adopt_settings(self._store.run(settings()))
            self._store.run(workers.worker_took_settings(self._options.id, version))

    def _adopt_settings(self, stored: StoredSettings) -> int:
        """Work by these settings from now on; returns their version."""
        self._version, self._settings = stored.version, stored.values
        self._standing.lease.adopt(stored.values)
        self._sleeper.look_each = self._standing.lease.heartbeat
        self._store.always_durable = self._settings.durability == "full"
        return self._version

    def _leave(self) -> None:
        self._runner.rest()
        self._sleeper.stop_listening()
        if self._abandoned:
            self._hold.abandon()
            return
        with contextlib.suppress(StoreError):
            self._store.run(workers.see_off([self._options.id]))
        self._doorbell.take_down(self._options.id)
        self._store.close()
        self._hold.close()
