"""Whatever is done to a queue in whatever order, what must hold holds."""

from __future__ import annotations

import tempfile
from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from queuectl_core.model.errors import WrongState
from queuectl_core.model.job import ENDED, Changes, Job, JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.changes import cancel, delete, edit, retry
from queuectl_core.store.transactions.claims import processing
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.statistics import miscounted
from tests.store.acts import Run, end, put, runs, start
from tests.store.engines import BlockingSqlite, Clock

QUEUES = st.sampled_from(["a", "b"])
PICKS = st.integers(0, 1000)


class Walk(RuleBasedStateMachine):
    """A queue with a few jobs, and the runs that its workers believe they hold."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.opened = SqliteStore(Home(self.folder.name), clock=self.clock)
        self.store = BlockingSqlite(self.opened, self.clock)
        self.held: list[Run] = []
        self.starts: Counter[int] = Counter()

    def teardown(self) -> None:
        if hasattr(self, "opened"):
            self.opened.close()
            self.folder.cleanup()

    def jobs(self) -> list[Job]:
        return self.store.run(page(limit=1000))

    @rule(queue=QUEUES, priority=st.integers(-1, 1), retries=st.integers(0, 2), delay=st.sampled_from([0, 3]))
    def enqueue(self, queue: str, priority: int, retries: int, delay: int) -> None:
        put(self.store, queue=queue, priority=priority, max_retries=retries, delay=delay)

    @rule(queues=st.sets(QUEUES))
    def claim(self, queues: set[str]) -> None:
        due = [
            job
            for job in self.jobs()
            if job.next_run_at is not None and job.next_run_at <= self.clock.now and (not queues or job.queue in queues)
        ]
        run = start(self.store, *sorted(queues))
        assert (run is None) == (not due)
        if run:
            first = min(due, key=lambda job: (-job.priority, job.due, job.number))
            assert run.job.number == first.number
            assert run.job.number not in {held.job.number for held in self.held if self.is_held(held)}
            self.starts[run.job.number] += 1
            self.held.append(run)

    def is_held(self, run: Run) -> bool:
        return run.token in {held.token for held in self.store.run(processing())}

    @precondition(lambda self: bool(getattr(self, "held", None)))
    @rule(pick=PICKS, outcome=st.sampled_from(Outcome), again=st.booleans())
    def finish(self, pick: int, outcome: Outcome, again: bool) -> None:
        run = self.held[pick % len(self.held)]
        held = self.is_held(run)
        assert (end(self.store, run, outcome) is not None) == held
        if not again:  # else the same worker may report once more, late
            self.held.remove(run)

    @rule(pick=PICKS, change=st.sampled_from([cancel, retry, delete]))
    def change(self, pick: int, change: object) -> None:
        jobs = self.jobs()
        if not jobs:
            return
        job = jobs[pick % len(jobs)]
        allowed = (job.state not in ENDED) if change is cancel else (job.state in ENDED)
        try:
            self.store.run(change([job.id]))  # type: ignore[operator]  # each takes ids
        except WrongState:
            assert not allowed
        else:
            assert allowed

    @rule(
        pick=PICKS,
        queue=QUEUES,
        delay=st.sampled_from([None, 0.0, 5.0]),
        retries=st.none() | st.integers(0, 2),
    )
    def edit(self, pick: int, queue: str, delay: float | None, retries: int | None) -> None:
        jobs = self.jobs()
        if not jobs:
            return
        job = jobs[pick % len(jobs)]
        try:
            self.store.run(edit(job.id, Changes(queue=queue, delay=delay, max_retries=retries)))
        except WrongState:
            assert job.state not in (JobState.PENDING, JobState.FAILED) or (retries or 0) < job.attempts

    @rule(seconds=st.integers(1, 4))
    def wait(self, seconds: int) -> None:
        self.clock.now += 1000 * seconds

    @invariant()
    def counts_are_those_of_the_jobs(self) -> None:
        assert self.store.run(miscounted()) == {}

    @invariant()
    def a_token_stands_beside_what_runs_and_nothing_else(self) -> None:
        held = self.store.run(processing())
        assert {each.job.number for each in held} == {
            job.number for job in self.jobs() if job.state is JobState.PROCESSING
        }
        assert {each.token for each in held} <= {run.token for run in self.held}

    @invariant()
    def no_job_is_charged_more_than_it_may_be(self) -> None:
        for job in self.jobs():
            assert 0 <= job.attempts <= job.max_retries + 1 or job.state in ENDED
            assert (job.finished_at is not None) == (job.state in ENDED)

    @invariant()
    def every_start_is_in_the_history(self) -> None:
        for job in self.jobs():
            attempts = runs(self.store, job)
            assert job.runs == self.starts[job.number] == len(attempts)
            assert [attempt.attempt for attempt in attempts] == list(range(1, job.runs + 1))
            still = [attempt for attempt in attempts if attempt.outcome is None]
            assert len(still) == (job.state is JobState.PROCESSING)


TestWalk = Walk.TestCase
TestWalk.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
