"""Jobs for Procrastinate on PostgreSQL."""
# Not installed where the project is checked, and its decorators have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, unused-ignore"

from __future__ import annotations

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from tests.benchmarks.peer_apps.work import SERVER, shell

BATCH = 10_000
"""Jobs deferred in one call."""

app = App(connector=PsycopgConnector(conninfo=SERVER))


@app.task(name="job")
def job() -> None:
    """One job."""
    shell()


def enqueue(n: int) -> None:
    """Store `n` jobs in a schema that holds nothing else."""
    make_schema()
    _defer([{}] * n)


def make_schema() -> None:
    """Make the schema anew, with nothing in it."""
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    with app.replace_connector(SyncPsycopgConnector(conninfo=SERVER)) as enqueuing, enqueuing.open():
        enqueuing.schema_manager.apply_schema()


def defer_lines(path: str) -> None:
    """Store a job for each line of a file, with the line as its argument."""
    with open(path, encoding="utf-8") as file:
        _defer([{"command": line.rstrip("\n")} for line in file])


def _defer(arguments: list[dict[str, str]]) -> None:
    with app.replace_connector(SyncPsycopgConnector(conninfo=SERVER)) as enqueuing, enqueuing.open():
        for first in range(0, len(arguments), BATCH):
            job.batch_defer(*arguments[first : first + BATCH])
