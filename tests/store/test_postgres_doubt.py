"""A PostgreSQL server that falls silent, so that a change was perhaps made, or that is another when it comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queuectl_core.model.errors import NewerSchema, OutcomeUnknown, StoreError
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.postgres import async_store, requests
from queuectl_core.store.postgres.async_store import AsyncPostgresStore
from queuectl_core.store.postgres.schema import MARK, VERSION
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page


def test_whoever_asks_too_late_whether_a_change_was_made_is_told_that_nobody_knows(
    queue: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = psycopg.Connection.execute
    change = enqueue(NewJob("true"))

    def lost(connection: Any, query: Any, *rest: Any, **more: Any) -> Any:
        if query == "COMMIT":
            connection.pgconn.finish()
        return run(connection, query, *rest, **more)

    with monkeypatch.context() as patched, queue.impatient(5):
        patched.setattr(psycopg.Connection, "execute", lost)
        with pytest.raises(StoreError, match="cannot reach"):
            queue.run(change)
    monkeypatch.setattr(requests, "ASK_SECONDS", 0)

    with pytest.raises(OutcomeUnknown):
        queue.run(change)


async def test_a_commit_that_the_awaited_store_hears_nothing_of_is_made_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = psycopg.AsyncConnection.execute
    silent: list[str] = []

    async def silenced(connection: Any, query: Any, *rest: Any, **more: Any) -> Any:
        answer = await run(connection, query, *rest, **more)
        if query == "COMMIT" and not silent:
            silent.append(query)
            return await run(connection, "SELECT pg_sleep(60)")
        return answer

    monkeypatch.setattr(async_store, "LIMIT", 0.5)
    async with await AsyncPostgresStore.open(Home(str(tmp_path / "home"), url)) as store:
        monkeypatch.setattr(psycopg.AsyncConnection, "execute", silenced)

        job = await store.run(enqueue(NewJob("true")))

        assert silent == ["COMMIT"]
        assert await store.run(page()) == [job]


MIGRATED = f"COMMENT ON SCHEMA queuectl IS '{MARK}99'"

CUT = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def server(url: str) -> Iterator[psycopg.Connection[Any]]:
    """A session of the one who owns the schema, which is marked as it was in the end."""
    with psycopg.connect(url, autocommit=True) as owner:
        yield owner
        owner.execute(f"COMMENT ON SCHEMA queuectl IS '{MARK}{VERSION}'".encode())


def test_who_connects_anew_to_a_store_that_was_migrated_meanwhile_is_refused(
    url: str, server: psycopg.Connection[Any], tmp_path: Path
) -> None:
    with PostgresStore(Home(str(tmp_path / "home"), url), stays=True) as store:
        server.execute(MIGRATED.encode())
        server.execute(CUT)
        with pytest.raises(NewerSchema):
            store.run(enqueue(NewJob("true")))
        with pytest.raises(NewerSchema):
            store.run(enqueue(NewJob("true")))


async def test_so_is_a_console(url: str, server: psycopg.Connection[Any], tmp_path: Path) -> None:
    async with await AsyncPostgresStore.open(Home(str(tmp_path / "home"), url)) as store:
        await store.run(page())
        server.execute(MIGRATED.encode())
        server.execute(CUT)
        with pytest.raises(NewerSchema):
            await store.run(page())
