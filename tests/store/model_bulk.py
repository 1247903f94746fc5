"""Changes of many jobs at once and how they are taken back, on a store and beside it on the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from typing import NamedTuple, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from queuectl_core.model.errors import InvalidInput, NoSuchJob, Refused
from queuectl_core.model.job import Changes, Job, JobState
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.browsing import by_numbers
from queuectl_core.store.transactions.bulk import (
    DUE,
    GONE,
    Moved,
    cancel_each,
    delete_each,
    prioritise_each,
    retry_each,
    run_now_each,
)
from queuectl_core.store.transactions.dead_letters import edit_and_retry
from queuectl_core.store.transactions.settings import SettingChange, change_setting, undo_setting
from queuectl_core.store.transactions.undoing import MOVED_ON, RUNNING, undo_each
from tests.store.engines import Engine
from tests.store.model_facts import Facts, all_facts
from tests.store.model_queue import CANCELLABLE, EDITABLE, ENDED, WAITING, ModelJob, ModelQueue

T = TypeVar("T")

PICKS = st.integers(0, 30)
SOME = st.lists(PICKS, min_size=1, max_size=3)
PRIORITIES = st.sampled_from([0, 0, 0, 1, -1, 1000, -1000, 1001])
ALTERATIONS = st.builds(
    lambda queue, priority, retries, delay: Changes(queue=queue, priority=priority, max_retries=retries, delay=delay),
    st.none() | st.sampled_from(["a", "b", "c"]),
    st.none() | PRIORITIES,
    st.sampled_from([None, 0, 0, 1, 2]),
    st.sampled_from([None, 0.0, 2.0]),
)
NO_SUCH_NUMBER = 1_000_000


class Bulk(NamedTuple):
    """A change of many: of which states, and what it does to those that the model says it may change."""

    transaction: Transaction[Moved]
    states: Collection[JobState]
    change: Callable[[list[ModelJob]], object]


class Step(NamedTuple):
    """A change that was made: what the store answered, and the jobs as the model had them before."""

    moved: Moved
    before: dict[int, ModelJob]


class BulkChanges(RuleBasedStateMachine):
    """A store and a model; the rules here are about many jobs at once, undoing, and settings that are put back."""

    store: Engine
    model: ModelQueue
    ids: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.settings_changed: list[SettingChange] = []

    def picked(self, picks: Sequence[int], states: Collection[JobState]) -> list[str]:
        """Ids of jobs in these states; for some picks any there ever was, which may be gone or in another state."""
        fit = [job.id for job in self.model.in_state(states)] or self.ids
        return [fit[pick % len(fit)] if pick < 25 else self.ids[pick % len(self.ids)] for pick in picks]

    def alike(self, transaction: Transaction[T], model: Callable[[], object], seen: Callable[[T], object]) -> None:
        """The store answers as the model does, or refuses for the same reason."""
        try:
            expected = model()
        except (InvalidInput, NoSuchJob, Refused) as refusal:
            with pytest.raises(type(refusal)):
                self.store.run(transaction)
        else:
            assert seen(self.store.run(transaction)) == expected

    def numbers(self, picks: Sequence[int]) -> list[int]:
        known = [*self.model.jobs, NO_SUCH_NUMBER]
        return [known[pick % len(known)] for pick in picks]

    # ------------------------------------------------------------------ many at once

    @precondition(lambda self: self.model.jobs)
    @rule(picks=SOME)
    def retry_each(self, picks: list[int]) -> None:
        numbers = self.numbers(picks)
        self.change_each(numbers, Bulk(retry_each(numbers), ENDED, self.model.send_back))

    @precondition(lambda self: self.model.jobs)
    @rule(picks=SOME, running=st.booleans())
    def cancel_each(self, picks: list[int], running: bool) -> None:
        numbers = self.numbers(picks)
        states = CANCELLABLE if running else WAITING
        self.change_each(numbers, Bulk(cancel_each(numbers, running=running), states, self.model.cancel_found))

    @precondition(lambda self: self.model.in_state(ENDED))
    @rule(picks=SOME)
    def delete_each(self, picks: list[int]) -> None:
        numbers = self.numbers(picks)
        self.change_each(numbers, Bulk(delete_each(numbers), ENDED, self.model.remove), gone=True)

    @precondition(lambda self: self.model.jobs)
    @rule(picks=SOME, priority=PRIORITIES)
    def prioritise_each(self, picks: list[int], priority: int) -> None:
        numbers = self.numbers(picks)
        if priority > 1000:
            with pytest.raises(InvalidInput):
                self.store.run(prioritise_each(numbers, priority))
            return

        def change(jobs: list[ModelJob]) -> None:
            for job in jobs:
                job.priority = priority

        self.change_each(numbers, Bulk(prioritise_each(numbers, priority), EDITABLE, change))

    @precondition(lambda self: self.model.in_state(WAITING))
    @rule(picks=SOME)
    def run_now_each(self, picks: list[int]) -> None:
        numbers = self.numbers(picks)
        now = self.model.now

        def change(jobs: list[ModelJob]) -> None:
            for job in jobs:
                job.due = now

        self.change_each(
            numbers,
            Bulk(run_now_each(numbers), WAITING, change),
            but=lambda job: DUE if job.due <= now else "",
        )

    def change_each(
        self,
        numbers: list[int],
        bulk: Bulk,
        *,
        but: Callable[[ModelJob], str] = lambda _: "",
        gone: bool = False,
    ) -> None:
        """What may change does, on both; the rest is counted by its reason."""
        jobs, skipped = list[ModelJob](), Counter[str]()
        for number in dict.fromkeys(numbers):
            job = self.model.jobs.get(number)
            if job is None:
                skipped[GONE] += 1
            elif why := but(job) if job.state in bulk.states else f"is {job.state}":
                skipped[why] += 1
            else:
                jobs.append(job)
        before = deepcopy({job.number: job for job in jobs})
        removed = bulk.change(jobs)

        moved = self.store.run(bulk.transaction)

        assert all_facts(moved.before) == [Facts.of(job) for job in before.values()]
        assert all_facts(moved.jobs) == ([] if gone else [Facts.of(job) for job in jobs])
        assert moved.skipped == dict(skipped)
        assert list(moved.gone) == (removed if gone else [])
        self.steps.append(Step(moved, before))

    # ------------------------------------------------------------------ taking it back

    @precondition(lambda self: self.steps)
    @rule(pick=st.integers(0, 3))
    def undo(self, pick: int) -> None:
        moved, before = self.steps[-1 - pick % len(self.steps)]
        present = {job.number: job for job in self.store.run(by_numbers([job.number for job in moved.jobs]))}
        restored, skipped = list[ModelJob](), Counter[str]()
        for was, after in zip(moved.before, moved.jobs, strict=False):
            if why := why_not_undone(was, after, present.get(after.number)):
                skipped[why] += 1
            else:
                restored.append(self.model.put_back(before[after.number]))

        undone = self.store.run(undo_each(list(zip(moved.before, moved.jobs, strict=False))))

        assert all_facts(undone.jobs) == [Facts.of(job) for job in restored]
        assert undone.skipped == dict(skipped)

    # ------------------------------------------------------------------ both or neither

    @precondition(lambda self: self.model.in_state({JobState.DEAD}))
    @rule(pick=PICKS, changes=ALTERATIONS)
    def edit_and_retry(self, pick: int, changes: Changes) -> None:
        [job_id] = self.picked([pick], {JobState.DEAD})
        self.alike(edit_and_retry(job_id, changes), lambda: self.model.edit_and_retry(job_id, changes), Facts.of)

    @rule(text=st.sampled_from([None, "0", "5", "x"]))
    def change_setting(self, text: str | None) -> None:
        if text == "x":
            with pytest.raises(InvalidInput):
                self.store.run(change_setting("max_retries", text))
            return
        change = self.store.run(change_setting("max_retries", text))
        assert change == ("max_retries", self.model.settings.get("max_retries"), text)
        self.model.keep("max_retries", text)
        self.settings_changed.append(change)

    @precondition(lambda self: self.settings_changed)
    @rule()
    def undo_setting(self) -> None:
        change = self.settings_changed.pop()
        if self.model.settings.get(change.key) == change.after:
            self.store.run(undo_setting(change))
            self.model.keep(change.key, change.before)
        else:
            with pytest.raises(Refused):
                self.store.run(undo_setting(change))


def why_not_undone(was: Job, after: Job, present: Job | None) -> str:
    """Why a change of a job is not taken back; empty where it is. `present` is the job's row as it is now."""
    if present is None:
        return GONE
    if present != after:
        return MOVED_ON
    return RUNNING if JobState.PROCESSING in (was.state, after.state) else ""
