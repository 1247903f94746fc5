"""Jobs for Celery on Redis or Valkey."""
# Not installed where the project is checked, and its decorators have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, unused-ignore"

from __future__ import annotations

from celery import Celery
from redis import Redis

from tests.benchmarks.peer_apps.work import SERVER, shell

app = Celery("bench", broker=SERVER.replace("unix://", "redis+socket://"))
app.conf.task_ignore_result = True


@app.task
def job() -> None:
    """One job."""
    shell()


def enqueue(n: int) -> None:
    """Store `n` jobs on a server that holds nothing else."""
    Redis.from_url(SERVER).flushall()
    for _ in range(n):
        job.delay()
