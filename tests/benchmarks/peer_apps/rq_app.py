"""Jobs for RQ on Redis or Valkey."""
# Not installed where the project is checked.
# mypy: disable-error-code="import-not-found, import-untyped, unused-ignore"

from __future__ import annotations

from redis import Redis
from rq import Queue

from tests.benchmarks.peer_apps.work import SERVER, shell


def enqueue(n: int) -> None:
    """Store `n` jobs on a server that holds nothing else."""
    connection = Redis.from_url(SERVER)
    connection.flushall()
    queue = Queue("bench", connection=connection)
    queue.enqueue_many([Queue.prepare_data(shell) for _ in range(n)])
