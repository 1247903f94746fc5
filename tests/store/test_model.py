"""Every store beside the plain model of `model_queue.py`: the same steps on both, all of it compared after each.

A failure prints its steps and a blob: with `@reproduce_failure(...)` on `Machine`, below, they are taken again.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from queuectl_core.model.errors import IdTaken, InvalidInput
from queuectl_core.model.job import Changes, JobState, NewJob, Outcome
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.changes import cancel, count_ended, delete, edit, forget, retry
from queuectl_core.store.transactions.claims import Ask, Held, Turns, take_turn, take_turns, unclaim
from queuectl_core.store.transactions.dead_letters import retry_all_dead, retry_dead
from queuectl_core.store.transactions.queues import pause, resume
from queuectl_core.store.transactions.settings import set_setting, unset_setting
from queuectl_core.store.transactions.settings import settings as stored_settings
from queuectl_core.store.transactions.statistics import miscounted, tidy
from tests.store.acts import Run, put_many, report
from tests.store.engines import ENGINES, NOON, Engine, Opener
from tests.store.model_bulk import ALTERATIONS, PICKS, SOME, BulkChanges
from tests.store.model_facts import Facts, all_facts, whole
from tests.store.model_queue import CANCELLABLE, EDITABLE, ENDED, ModelJob, ModelQueue
from tests.store.model_roster import WORKERS, RosterChanges, WorkerChanges

MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where commits wait for no disk, if there is such a place: nothing here is about durability."""

QUEUES = st.sampled_from(["a", "b", "c"])
FILTERS: st.SearchStrategy[tuple[str, ...]] = st.sampled_from([(), (), ("a",), ("b", "c")])
RETRIES = st.sampled_from([None, 0, 0, 1, 2])
DELAYS = st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.5])
RESULTS = st.sampled_from([*[Outcome.FAILED] * 4, *Outcome])
AGES = st.sampled_from([0, 0, 1000, 5000])
LIMITS = st.sampled_from([500, 2])
ONE_OR_NO_QUEUE = st.none() | QUEUES
SETTINGS_TO_TRY = st.sampled_from(
    ["backoff_base 1", "backoff_base 1.5", "backoff_base 1000", "backoff_max 0", "backoff_max 3", "max_retries 1"]
)
NAMES = st.sampled_from([None, None, None, "x", "y", "z"])
ALLOWED_PRIORITIES = st.sampled_from([0, 0, 0, 1, -1, 1000, -1000])
PRIORITIES = ALLOWED_PRIORITIES | st.just(1001)


@st.composite
def new_jobs(draw: st.DrawFn, priorities: st.SearchStrategy[int], names: st.SearchStrategy[str | None]) -> NewJob:
    """A job of one of a few queues, seldom with an id, seldom due since a while."""
    overdue = draw(st.sampled_from([None, None, None, -2000, -1]))
    return NewJob(
        "true",
        id=draw(names),
        queue=draw(QUEUES),
        priority=draw(priorities),
        max_retries=draw(RETRIES),
        delay=draw(DELAYS) if overdue is None else 0.0,
        run_at=None if overdue is None else datetime.fromtimestamp((NOON + overdue) / 1000, UTC),
    )


def check_choice(eligible: Sequence[ModelJob], chosen: Sequence[ModelJob], limit: int) -> None:
    """Of those that may be chosen, so many are that the limit allows, and of each queue the first to end."""
    assert len(chosen) == min(limit, len(eligible))
    for taken in chosen:
        for left in eligible:
            if left not in chosen and left.queue == taken.queue:
                assert (taken.finished_at or 0) <= (left.finished_at or 0)


class Opened(WorkerChanges):
    """A store that is opened for the steps to come, and closed after them."""

    opened_in: Callable[[Path], AbstractContextManager[Engine]]

    def __init__(self) -> None:
        super().__init__()
        with ExitStack() as opening:
            folder = opening.enter_context(tempfile.TemporaryDirectory(dir=MEMORY))
            self.store = opening.enter_context(type(self).opened_in(Path(folder)))
            self.opened = opening.pop_all()

    def teardown(self) -> None:
        self.opened.close()


class StoreBesideModel(Opened, BulkChanges):
    """A store and a model that are told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.model = ModelQueue(self.store.clock.now)
        self.claims: list[Held] = []
        """Every one there ever was, so that those which are over can be reported late; likewise the ids."""
        self.ids = ["never-there"]
        self.tokens = (f"token-{n}" for n in itertools.count(1))

    # ------------------------------------------------------------------ arrivals

    @rule(job=new_jobs(PRIORITIES, NAMES))
    def enqueue(self, job: NewJob) -> None:
        self.arrive([job], lambda: self.store.run(enqueue(job)).number)

    @initialize(jobs=st.lists(new_jobs(ALLOWED_PRIORITIES, st.none()), min_size=3, max_size=8), asks=st.integers(0, 4))
    def begin(self, jobs: list[NewJob], asks: int) -> None:
        self.arrive(jobs, lambda: put_many(self.store, *jobs))
        self.turn("pool-1", asks=asks)

    @rule(jobs=st.lists(new_jobs(ALLOWED_PRIORITIES, NAMES), max_size=5))
    def enqueue_rows(self, jobs: list[NewJob]) -> None:
        self.arrive(jobs, lambda: put_many(self.store, *jobs))

    def arrive(self, jobs: list[NewJob], put: Callable[[], int]) -> None:
        """Jobs come in with numbers that no job had before, or all are refused."""
        if any(job.priority > 1000 for job in jobs):
            with pytest.raises(InvalidInput):
                put()
        elif not self.model.takes(jobs):
            with pytest.raises(IdTaken):
                put()
        else:
            first = put()
            assert first > self.model.last_number or not jobs
            self.model.enqueue(first, jobs)
            self.ids += [job.id or str(number) for number, job in enumerate(jobs, first)]

    # ------------------------------------------------------------------ runs

    def turn(
        self,
        worker: str,
        ends: Sequence[tuple[Held, Outcome]] = (),
        asks: int = 0,
        queues: tuple[str, ...] = (),
        late_ms: int = 0,
        since_ms: int | None = None,
    ) -> None:
        """A worker reports these runs and asks for so many jobs."""
        known = self.store.run(stored_settings()).values
        reports = [
            report(Run(held.job, held.token), outcome, settings=known)._replace(late_ms=late_ms, since_ms=since_ms)
            for held, outcome in ends
        ]
        wishes = [Ask(worker, next(self.tokens), queues) for _ in range(asks)]
        if len(reports) <= 1 and asks <= 1:
            turn = self.store.run(take_turn(reports[0] if reports else None, wishes[0] if wishes else None))
            claimed = [] if turn.job is None else [Held(wishes[0].token, turn.job)]
            told = Turns(claimed, [turn.ended] if reports else [], turn.next_due_ms, turn.settings_version)
        else:
            told = self.store.run(take_turns(reports, wishes))
        assert [job and Facts.of(job) for job in told.ended] == [
            self.model.end(held.token, outcome, late_ms, since_ms) for held, outcome in ends
        ]
        granted = wishes[: self.model.share(asks, len(self.there.workers))]
        expected = [(wish.token, self.model.claim(worker, wish.token, queues)) for wish in granted]
        assert [(held.token, Facts.of(held.job)) for held in told.claimed] == [pair for pair in expected if pair[1]]
        self.claims += told.claimed
        if ends and asks and not told.claimed:
            self.there.idle(worker, self.model.now)
        if asks:
            assert told.next_due_ms == (None if told.claimed else self.model.next_due_ms())
        assert told.settings_version == self.model.settings_version

    def held_by(self, worker: str | None = None) -> list[Held]:
        tokens = {job.token for job in self.model.running(worker)}
        return [held for held in self.claims if held.token in tokens]

    @rule(worker=WORKERS, queues=FILTERS)
    def claim(self, worker: str, queues: tuple[str, ...]) -> None:
        self.turn(worker, asks=1, queues=queues)

    @rule(worker=WORKERS, asks=st.integers(1, 4))
    def claim_several(self, worker: str, asks: int) -> None:
        self.turn(worker, asks=asks)

    @rule(
        pick=PICKS,
        outcome=RESULTS,
        took_ms=st.sampled_from([0, 1000]),
        late_ms=st.sampled_from([0, 700]),
        ran_ms=st.sampled_from([None, 0, 200]),
    )
    def finish(self, pick: int, outcome: Outcome, took_ms: int, late_ms: int, ran_ms: int | None) -> None:
        self.pass_time(took_ms)
        held, since_ms = self.held_by(), None if ran_ms is None else late_ms + ran_ms
        self.turn("pool-1", [(held[pick % len(held)], outcome)] if held else [], late_ms=late_ms, since_ms=since_ms)

    @rule(worker=WORKERS, outcomes=st.lists(RESULTS, max_size=4), asks=st.integers(0, 4), queues=FILTERS)
    def finish_and_claim_several(
        self, worker: str, outcomes: list[Outcome], asks: int, queues: tuple[str, ...]
    ) -> None:
        self.turn(worker, list(zip(self.held_by(worker), outcomes, strict=False)), asks, queues)

    @rule(worker=WORKERS)
    def lose_a_worker(self, worker: str) -> None:
        self.turn(worker, [(held, Outcome.LOST) for held in self.held_by(worker)])

    @precondition(lambda self: self.claims)
    @rule(pick=PICKS, outcome=RESULTS)
    def report_in_time_or_late(self, pick: int, outcome: Outcome) -> None:
        held = self.claims[pick % len(self.claims)]
        self.turn(held.job.worker or "", [(held, outcome)])

    @precondition(lambda self: self.claims)
    @rule(picks=SOME)
    def unclaim(self, picks: list[int]) -> None:
        back = [self.claims[-1 - pick % len(self.claims)] for pick in picks]
        self.store.run(unclaim(back))
        for held in back:
            self.model.unclaim(held.token)

    # ------------------------------------------------------------------ changes

    @rule(picks=SOME)
    def cancel(self, picks: list[int]) -> None:
        ids = self.picked(picks, CANCELLABLE)
        self.alike(cancel(ids), lambda: self.model.cancel(ids), all_facts)

    @precondition(lambda self: self.model.in_state(ENDED))
    @rule(picks=SOME, dead=st.booleans())
    def retry(self, picks: list[int], dead: bool) -> None:
        ids = self.picked(picks, {JobState.DEAD} if dead else ENDED)
        expected = self.model.retry_dead if dead else self.model.retry
        self.alike(retry_dead(ids) if dead else retry(ids), lambda: expected(ids), all_facts)

    @precondition(lambda self: self.model.in_state(ENDED))
    @rule(picks=SOME)
    def delete(self, picks: list[int]) -> None:
        ids = self.picked(picks, ENDED)
        self.alike(delete(ids), lambda: self.model.delete(ids), list)

    @rule(pick=PICKS, changes=ALTERATIONS, dead=st.booleans())
    def edit(self, pick: int, changes: Changes, dead: bool) -> None:
        [job_id] = self.picked([pick], {JobState.DEAD} if dead else EDITABLE)
        self.alike(edit(job_id, changes), lambda: self.model.edit(job_id, changes), Facts.of)

    @precondition(lambda self: self.model.in_state({JobState.DEAD}))
    @rule(age_ms=AGES, queue=ONE_OR_NO_QUEUE, limit=LIMITS)
    def retry_all_dead(self, age_ms: int, queue: str | None, limit: int) -> None:
        until = self.model.now - age_ms
        dead = self.model.ended_by(JobState.DEAD, until, queue)
        back = self.store.run(retry_all_dead(until, queue, limit))
        check_choice(dead, [job for job in dead if job.id in back], limit)
        assert back == [job.id for job in dead if job.id in back]
        self.model.revive(back)

    @precondition(lambda self: self.model.in_state(ENDED))
    @rule(state=st.sampled_from(sorted(ENDED)), age_ms=AGES, queue=ONE_OR_NO_QUEUE, limit=LIMITS)
    def forget(self, state: JobState, age_ms: int, queue: str | None, limit: int) -> None:
        old = self.model.ended_by(state, self.model.now - age_ms, queue)
        assert self.store.run(count_ended(state, age_ms, queue)) == len(old)
        gone = self.store.run(forget(state, age_ms, queue, limit))
        numbers = [each.number for each in gone]
        check_choice(old, [job for job in old if job.number in numbers], limit)
        assert gone == self.model.forget(numbers)

    @rule(name=QUEUES)
    def pause_or_resume(self, name: str) -> None:
        self.store.run(resume([name]) if name in self.model.paused else pause([name]))
        self.model.paused ^= {name}

    @rule(setting=SETTINGS_TO_TRY)
    def set_or_unset(self, setting: str) -> None:
        key, text = setting.split()
        if self.model.settings.get(key) == text:
            self.store.run(unset_setting(key))
            self.model.keep(key, None)
        else:
            self.store.run(set_setting(key, text))
            self.model.keep(key, text)

    @rule(
        ms=st.none() | st.sampled_from([1, 499, 1000, 2000, 60_000]), early_ms=st.integers(0, 1), tidying=st.booleans()
    )
    def advance(self, ms: int | None, early_ms: int, tidying: bool) -> None:
        """Time goes on, by `ms` or to the next due instant or just before; now and then a keeper tidies."""
        self.pass_time(ms if ms is not None else (self.model.next_due_ms() or early_ms) - early_ms)
        if tidying:
            self.store.run(tidy())

    def pass_time(self, ms: int) -> None:
        self.model.now = self.store.clock.now = self.model.now + ms

    # ------------------------------------------------------------------ what holds after each step

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        kept = self.store.run(whole())
        assert kept == self.model.whole()
        for job in kept.jobs:
            assert 0 <= job.attempts <= job.max_retries + 1 or job.state in ENDED
        self.check_roster()

    @invariant()
    def counts_are_those_of_the_jobs(self) -> None:
        assert self.store.run(miscounted()) == {}


def walk(machine: type[RuleBasedStateMachine], examples: int) -> None:
    """Take `examples` walks of up to 40 steps."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,  # commits may wait for a disk
            derandomize=False,
            print_blob=True,
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow],  # likewise
        ),
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_and_the_model_agree_after_every_step(engine: str, opened_in: Callable[[str], Opener]) -> None:
    opens = opened_in(engine)

    class Machine(StoreBesideModel):
        opened_in = staticmethod(opens)

    # A server answers later than a file: as many examples would take minutes.
    walk(Machine, 60 if "postgres" not in engine else 15)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_store_and_the_model_agree_on_who_is_there(engine: str, opened_in: Callable[[str], Opener]) -> None:
    opens = opened_in(engine)

    class Machine(Opened, RosterChanges):
        opened_in = staticmethod(opens)

    walk(Machine, 20 if "postgres" not in engine else 8)
