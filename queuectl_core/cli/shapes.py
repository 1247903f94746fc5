"""Jobs and runs as the JSON that scripts read: instants in UTC, lengths of time in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from queuectl_core.model.job import Attempt, Job

Shape = dict[str, Any]


def job_json(job: Job) -> Shape:
    """A job, as every command that shows one prints it."""
    return {
        "id": job.id,
        "command": job.command if isinstance(job.command, str) else list(job.command),
        "state": job.state.value,
        "queue": job.queue,
        "priority": job.priority,
        "attempts": job.attempts,
        "max_retries": job.max_retries,
        "created_at": instant(job.created_at),
        "updated_at": instant(job.updated_at),
        "next_run_at": instant(job.next_run_at),
        "started_at": instant(job.started_at),
        "finished_at": instant(job.finished_at),
        "timeout": seconds(job.timeout_ms),
        "cwd": job.cwd,
        "exit_code": job.exit_code,
        "signal": job.signal,
        "error": job.error,
        "worker": job.worker,
    }


def job_with_history_json(job: Job, runs: Iterable[Attempt], *, values: bool = False) -> Shape:
    """A job with the names of its environment (with their values if asked) and its runs, oldest first."""
    return {
        **job_json(job),
        "env": dict(job.env) if values else list(job.env),
        "history": [attempt_json(run) for run in runs],
    }


def attempt_json(run: Attempt) -> Shape:
    """One run of a job; what is not yet known of a run that goes on is null."""
    return {
        "attempt": run.attempt,
        "outcome": run.outcome.value if run.outcome else None,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "error": run.error,
        "started_at": instant(run.started_at),
        "finished_at": instant(run.finished_at),
        "duration": seconds(run.duration_ms),
        "worker": run.worker,
        "output_bytes": run.output_bytes,
    }


def instant(milliseconds: int | None) -> str | None:
    """An instant in ISO 8601, to the millisecond, ending in Z."""
    if milliseconds is None:
        return None
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()
    return f"{moment[:19]}.{milliseconds % 1000:03d}Z"  # strftime takes several times as long


def seconds(milliseconds: int | None) -> float | int | None:
    """A length of time in seconds: whole where it is."""
    if milliseconds is None:
        return None
    return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000
