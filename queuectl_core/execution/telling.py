"""What a worker tells of its runs, as events."""

from __future__ import annotations

from collections.abc import Sequence

from queuectl_core.execution import events
from queuectl_core.execution.processes import Process
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.transactions.claims import Report


class Telling:
    """Tells for one worker."""

    def __init__(self, worker: str, report: events.Report) -> None:
        self._worker = worker
        self._report = report
        self._heard = report is not events.unheard

    def trouble(self, text: object) -> None:
        """Something is wrong, but not with a job."""
        self._report(events.Notice(f"worker {self._worker}: {text}", serious=True))

    def stubborn(self, job: Job, left: Sequence[Process]) -> None:
        """A run is over but for processes that cannot be ended."""
        pids = ", ".join(str(process.pid) for process in left)
        self.trouble(f"job {job.id} waits for processes of its run that cannot be ended: {pids}")

    def start(self, job: Job) -> None:
        """A run starts."""
        if self._heard:
            self._report(events.RunStarted(self._worker, job.id, job.runs, job.queue, job.command))

    def end(self, report: Report, job: Job | None) -> None:
        """A run has ended, and left its job so; None where its result was refused."""
        result = report.result
        if job is None:
            self.trouble(f"the result of job {report.number} came too late and was dropped")
            return
        if not self._heard:
            return
        # One that was released waits, too, but was due before: that would be a negative length of time.
        retry_in_ms = job.due - job.updated_at if job.state is JobState.FAILED else None
        self._report(
            events.RunEnded(
                self._worker,
                job.id,
                job.runs,
                job.queue,
                result.outcome,
                job.state,
                result.duration_ms,
                result.exit_code,
                result.signal,
                result.error,
                retry_in_ms,
            )
        )
