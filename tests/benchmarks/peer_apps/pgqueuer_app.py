"""Jobs for PgQueuer on PostgreSQL, and its consumer."""
# Not installed where the project is checked, and its decorators have no types there.
# mypy: disable-error-code="import-not-found, import-untyped, untyped-decorator, unused-ignore"

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from pgqueuer import AsyncpgDriver, PgQueuer, Queries
from pgqueuer.types import QueueExecutionMode

from tests.benchmarks.peer_apps.work import SERVER, shell

AT_A_TIME = 2

BATCH = 200
"""Jobs taken at once, and ends committed at once; with its own 10 it is a tenth slower."""


def enqueue(n: int) -> None:
    """Store `n` jobs in a schema that holds nothing else."""
    asyncio.run(_enqueue(n))


def consume(at_a_time: int = AT_A_TIME) -> None:
    """Run jobs until there are none. `pgq run --mode drain` does the same, but 1.6.0 and its newest typer disagree."""
    asyncio.run(_consume(at_a_time))


async def _enqueue(n: int) -> None:
    connection = await asyncpg.connect(SERVER)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        queries = Queries(AsyncpgDriver(connection))
        await queries.install()
        await queries.enqueue(["job"] * n, [None] * n, [0] * n)
    finally:
        await connection.close()


async def _consume(at_a_time: int) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(at_a_time))
    connection = await asyncpg.connect(SERVER)
    try:
        queue = PgQueuer.from_asyncpg_connection(connection)

        @queue.entrypoint("job")
        async def _job(_: object) -> None:
            await asyncio.to_thread(shell)

        await queue.run(batch_size=BATCH, mode=QueueExecutionMode.drain)
    finally:
        await connection.close()
