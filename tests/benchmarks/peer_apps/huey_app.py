"""Jobs for Huey on SQLite."""
# Not installed where the project is checked, and its decorators have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, unused-ignore"

from __future__ import annotations

from huey import SqliteHuey

from tests.benchmarks.peer_apps.work import FOLDER, shell

# `fsync` is left as it is: in WAL, SQLite then flushes at checkpoints only.
app = SqliteHuey("bench", filename=f"{FOLDER}/huey.db", results=False)


@app.task()
def job() -> None:
    """One job."""
    shell()


def enqueue(n: int) -> None:
    """Store `n` jobs."""
    for _ in range(n):
        job()
