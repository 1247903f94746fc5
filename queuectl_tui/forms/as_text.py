"""A job as JSON that a person edits: the fields that can be set, as `parse_job` reads them. Pure."""

from __future__ import annotations

import json

from queuectl_core.cli.shapes import instant, seconds
from queuectl_core.model.job import NewJob


def text_of(job: NewJob) -> str:
    """The job as JSON, a field a line, the values of its environment included."""
    fields = {
        "command": job.command,
        "queue": job.queue,
        "priority": job.priority,
        "max_retries": job.max_retries,
        "timeout": None if job.timeout is None else seconds(round(job.timeout * 1000)),
        "run_at": None if job.run_at is None else instant(round(job.run_at.timestamp() * 1000)),
        "cwd": job.cwd,
        "env": dict(job.env or {}),
    }
    return dumped(fields, indent=2) + "\n"


def dumped(value: object, indent: int | None = None) -> str:
    """JSON in readable letters, with every character that is none as an escape."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)
