"""Jobs for Procrastinate on PostgreSQL."""
# Not installed where the project is checked, and its decorators have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, unused-ignore"

from __future__ import annotations

import psycopg
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from tests.benchmarks.peer_apps.work import SERVER, shell

app = App(connector=PsycopgConnector(conninfo=SERVER))


@app.task(name="job")
def job() -> None:
    """One job."""
    shell()


def enqueue(n: int) -> None:
    """Store `n` jobs in a schema that holds nothing else."""
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    with app.replace_connector(SyncPsycopgConnector(conninfo=SERVER)) as enqueuing, enqueuing.open():
        enqueuing.schema_manager.apply_schema()
        job.batch_defer(*[{}] * n)
