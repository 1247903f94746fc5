"""What a command sees in its environment: the worker's, then the job's own, then who it is."""

from __future__ import annotations

import os

from queuectl_core.execution.processes import TOKEN_NAME
from queuectl_core.model.job import Job

_TOKEN = TOKEN_NAME.encode()


class Environment:
    """Makes the environment of one worker's commands; `url` is that of the server that keeps the queue, if one does: so
    what they enqueue comes to the queue that they are from."""

    def __init__(self, home: str, url: str | None = None) -> None:
        self._base = dict(os.environb)
        self._home = os.fsencode(home)
        self._store = {} if url is None else {b"QUEUECTL_STORE": os.fsencode(url)}

    def of(self, job: Job, token: str) -> dict[bytes, bytes]:
        """The environment for a run of the job, as bytes: encoding it all for each command would cost."""
        identity = {
            b"QUEUECTL_JOB_ID": job.id.encode(),
            b"QUEUECTL_ATTEMPT": b"%d" % job.runs,
            b"QUEUECTL_QUEUE": job.queue.encode(),
            b"QUEUECTL_HOME": self._home,
            _TOKEN: token.encode(),
        }
        own = {os.fsencode(name): os.fsencode(value) for name, value in job.env.items()}
        place = {b"PWD": os.fsencode(job.cwd)}  # A shell sees to it; an argument vector has none.
        return {**self._base, **place, **own, **self._store, **identity}
