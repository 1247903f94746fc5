"""What a queue should be, in plain Python: no SQL, no index, no flag, every question answered by looking at all jobs.

Written from the lifecycle and the rules in the design, not from a store and not from `lifecycle.py`, so that a
mistake there is not repeated here. Durability, bells and histograms are not modelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from queuectl_core.model.errors import InvalidInput, NoSuchJob, WrongState
from queuectl_core.model.job import Changes, JobState, NewJob, Outcome
from tests.store.model_facts import Facts, RunFacts, Whole

WAITING = {JobState.PENDING, JobState.FAILED}
ENDED = {JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED}
CANCELLABLE = {*WAITING, JobState.PROCESSING}
EDITABLE = {JobState.PENDING, JobState.FAILED, JobState.DEAD}


@dataclass
class ModelJob:
    """A job; `token` is that of the run that holds it."""

    number: int
    name: str | None
    queue: str
    priority: int
    max_retries: int
    due: int
    state: JobState = JobState.PENDING
    attempts: int = 0
    history: list[RunFacts] = field(default_factory=list)
    finished_at: int | None = None
    cancelling: bool = False
    token: str | None = None

    @property
    def id(self) -> str:
        return self.name or str(self.number)

    @property
    def runs(self) -> int:
        return len(self.history)

    @property
    def next_run_at(self) -> int | None:
        return self.due if self.state in WAITING else None

    def leave(self, state: JobState, finished_at: int | None = None) -> None:
        """Take a state that no run holds."""
        self.state, self.finished_at = state, finished_at
        self.token, self.cancelling = None, False


@dataclass
class ModelQueue:
    """All jobs by number, in order of arrival, and what else a store keeps. `now` is ms since the epoch."""

    now: int
    jobs: dict[int, ModelJob] = field(default_factory=dict)
    last_number: int = 0
    paused: set[str] = field(default_factory=set)
    settings: dict[str, str] = field(default_factory=dict)
    settings_version: int = 0
    minutes: dict[tuple[int, str], Counter[str]] = field(default_factory=dict)

    def whole(self) -> Whole:
        queues = {name: (True, dict[JobState, int]()) for name in self.paused}
        for job in self.jobs.values():
            _, held = queues.setdefault(job.queue, (False, {}))
            held[job.state] = held.get(job.state, 0) + 1
        return Whole(
            [Facts.of(job) for job in self.jobs.values()],
            {job.number: list(job.history) for job in self.jobs.values()},
            queues,
            dict(self.settings),
            self.settings_version,
            {which: dict(counted) for which, counted in self.minutes.items()},
            max((self.now - job.due for job in self.in_state(WAITING) if job.due <= self.now), default=None),
        )

    # ------------------------------------------------------------------ arrivals

    def takes(self, arrivals: Sequence[NewJob]) -> bool:
        """Whether each of these brings an id that no other job has."""
        names = [job.id for job in arrivals if job.id]
        return len(set(names)) == len(names) and not {job.name for job in self.jobs.values()} & set(names)

    def enqueue(self, first: int, arrivals: Sequence[NewJob]) -> None:
        """Take jobs in, numbered from `first`."""
        for number, new in enumerate(arrivals, first):
            due = self.now + round(new.delay * 1000) if new.run_at is None else round(new.run_at.timestamp() * 1000)
            retries = int(self.settings.get("max_retries", "3")) if new.max_retries is None else new.max_retries
            self.jobs[number] = ModelJob(number, new.id, new.queue, new.priority, retries, due)
            self.last_number = number

    # ------------------------------------------------------------------ runs

    def claim(self, worker: str, token: str, queues: Collection[str]) -> Facts | None:
        """Start the job whose turn it is: by priority, then by the instant it became due, then by arrival."""
        due = [
            job
            for job in self.in_state(WAITING)
            if job.due <= self.now and job.queue not in self.paused and (not queues or job.queue in queues)
        ]
        if not due:
            return None
        job = min(due, key=lambda job: (-job.priority, job.due, job.number))
        job.state, job.token = JobState.PROCESSING, token
        job.attempts += 1
        job.history.append(RunFacts(job.runs + 1, None, worker, self.now, None))
        return Facts.of(job)

    def share(self, asks: int, workers: int) -> int:
        """How many of several asks are granted: no more than a worker's part of what waits, but one at least."""
        return min(asks, max(1, len(self.in_state(WAITING)) // max(1, workers)))

    def next_due_ms(self) -> int | None:
        """How long until a job becomes due."""
        return min((job.due - self.now for job in self.in_state(WAITING) if job.due > self.now), default=None)

    def held(self, token: str) -> ModelJob | None:
        """The job that the run of this token holds; None where it holds none (any more)."""
        return next((job for job in self.jobs.values() if job.token == token), None)

    def running(self, worker: str | None = None) -> list[ModelJob]:
        """The jobs that runs of a worker (None: of any) hold, by number."""
        return [job for job in self.in_state({JobState.PROCESSING}) if worker in (None, job.history[-1].worker)]

    def end(self, token: str, outcome: Outcome, late_ms: int, since_ms: int | None) -> Facts | None:
        """End a run; None where the token is stale, and nothing is changed then."""
        job = self.held(token)
        if job is None:
            return None
        run = job.history[-1]
        began_at = run.started_at if since_ms is None else max(run.started_at, self.now - since_ms)
        finished_at = max(began_at, self.now - late_ms) if since_ms is None else began_at + since_ms - late_ms
        job.history[-1] = run._replace(outcome=outcome, started_at=began_at, finished_at=finished_at)
        if outcome is Outcome.RELEASED:
            job.attempts -= 1
        if outcome is Outcome.COMPLETED:
            job.leave(JobState.COMPLETED, finished_at)
        elif job.cancelling or outcome is Outcome.CANCELLED:
            job.leave(JobState.CANCELLED, finished_at)
        elif outcome is Outcome.RELEASED:
            job.leave(JobState.PENDING)
        elif job.attempts > job.max_retries:
            job.leave(JobState.DEAD, finished_at)
        else:
            job.leave(JobState.FAILED)
            job.due = self.now + self._backoff_ms(job.attempts)
        self._note(job.queue, outcome.value, *(["ended"] if job.state in ENDED else []))
        return Facts.of(job)

    def _backoff_ms(self, attempts: int) -> int:
        base = float(self.settings.get("backoff_base", "2"))
        longest = float(self.settings.get("backoff_max", "3600"))
        return round(1000 * min(base**attempts, longest))

    def unclaim(self, token: str) -> None:
        """Take a claim back whose run never began: not charged, not numbered."""
        job = self.held(token)
        if job is None:
            return
        job.attempts -= 1
        job.history.pop()
        if job.cancelling:
            job.leave(JobState.CANCELLED, self.now)
            self._note(job.queue, "ended")
        else:
            job.leave(JobState.PENDING)

    # ------------------------------------------------------------------ changes

    def cancel(self, ids: Sequence[str]) -> list[Facts]:
        return self.cancel_found(self._allowed(ids, CANCELLABLE))

    def cancel_found(self, jobs: Sequence[ModelJob]) -> list[Facts]:
        """Cancel these, or ask for it where they run."""
        for job in jobs:
            if job.state is JobState.PROCESSING:
                job.cancelling = True
            else:
                job.leave(JobState.CANCELLED, self.now)
                self._note(job.queue, "ended")
        return [Facts.of(job) for job in jobs]

    def retry(self, ids: Sequence[str]) -> list[Facts]:
        return self.send_back(self._allowed(ids, ENDED))

    def retry_dead(self, ids: Sequence[str]) -> list[Facts]:
        return self.send_back(self._allowed(ids, {JobState.DEAD}))

    def send_back(self, jobs: Iterable[ModelJob]) -> list[Facts]:
        back = list(jobs)
        for job in back:
            job.leave(JobState.PENDING)
            job.attempts, job.due = 0, self.now
        return [Facts.of(job) for job in back]

    def delete(self, ids: Sequence[str]) -> list[tuple[int, int]]:
        """Remove ended jobs; the number and runs of each."""
        return self.remove(self._allowed(ids, ENDED))

    def remove(self, jobs: Iterable[ModelJob]) -> list[tuple[int, int]]:
        return [(job.number, self.jobs.pop(job.number).runs) for job in list(jobs)]

    def edit(self, job_id: str, changes: Changes) -> Facts:
        if not -1000 <= (changes.priority or 0) <= 1000:
            raise InvalidInput("priority")
        [job] = self._allowed([job_id], EDITABLE)
        return self._edit_one(job, changes)

    def edit_and_retry(self, job_id: str, changes: Changes) -> Facts:
        """Send a dead job back with changes that may be those of one that waits."""
        if not -1000 <= (changes.priority or 0) <= 1000:
            raise InvalidInput("priority")
        [job] = self._allowed([job_id], {JobState.DEAD})
        self.send_back([job])
        return self._edit_one(job, changes)

    def _edit_one(self, job: ModelJob, changes: Changes) -> Facts:
        if job.state is JobState.DEAD and changes.delay is not None:
            raise WrongState(job.id)
        if changes.max_retries is not None and job.state in WAITING and changes.max_retries < job.attempts:
            raise WrongState(job.id)
        job.queue = job.queue if changes.queue is None else changes.queue
        job.priority = job.priority if changes.priority is None else changes.priority
        job.max_retries = job.max_retries if changes.max_retries is None else changes.max_retries
        job.due = job.due if changes.delay is None else self.now + round(changes.delay * 1000)
        return Facts.of(job)

    def put_back(self, before: ModelJob) -> ModelJob:
        """Have a job be again as it was, but for its history; its numbers of runs only grow."""
        job = self.jobs[before.number]
        job.leave(before.state, before.finished_at)
        job.due, job.priority, job.attempts = before.due, before.priority, before.attempts
        return job

    def keep(self, key: str, text: str | None) -> None:
        """Set a setting, or unset it."""
        if text is None:
            self.settings.pop(key, None)
        else:
            self.settings[key] = text
        self.settings_version += 1

    def _note(self, queue: str, *what: str) -> None:
        """Count in the roll-up of this minute, where nothing is ever taken back."""
        self.minutes.setdefault((self.now // 60_000, queue), Counter()).update(what)

    def ended_by(self, state: JobState, instant: int, queue: str | None) -> list[ModelJob]:
        """The jobs of a queue (None: of all) in an ended state that ended at `instant` or before, by number."""
        return [
            job
            for job in self.jobs.values()
            if job.state is state and queue in (None, job.queue) and (job.finished_at or 0) <= instant
        ]

    def forget(self, numbers: Iterable[int]) -> list[tuple[int, int]]:
        """Remove the jobs of these numbers."""
        return self.remove(self.jobs[number] for number in numbers)

    def revive(self, ids: Collection[str]) -> None:
        """Send the dead jobs of these ids back."""
        self.send_back(job for job in self.jobs.values() if job.id in ids)

    # ------------------------------------------------------------------ finding

    def in_state(self, states: Collection[JobState]) -> list[ModelJob]:
        """The jobs in any of these states, by number."""
        return [job for job in self.jobs.values() if job.state in states]

    def _allowed(self, ids: Sequence[str], allowed: Collection[JobState]) -> list[ModelJob]:
        """The jobs of these ids, each once. Raises NoSuchJob where one is unknown, else WrongState."""
        by_id = {job.id: job for job in self.jobs.values()}
        if not by_id.keys() >= set(ids):
            raise NoSuchJob(str(ids))
        jobs = [by_id[job_id] for job_id in dict.fromkeys(ids)]
        if any(job.state not in allowed for job in jobs):
            raise WrongState(str(ids))
        return jobs
