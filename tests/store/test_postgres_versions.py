"""By what the PostgreSQL stores tell that there was a change, and how long they know of one."""

from __future__ import annotations

from pathlib import Path

import psycopg

from queuectl_core.store.home import Home
from queuectl_core.store.postgres.async_store import AsyncPostgresStore
from queuectl_core.store.postgres.store import PostgresStore


async def test_the_data_version_tells_of_a_commit_of_what_had_begun_before_others(
    queue: PostgresStore, url: str, tmp_path: Path
) -> None:
    with psycopg.connect(url) as slow, psycopg.connect(url, autocommit=True) as quick:
        for connection in (slow, quick):
            connection.execute("INSERT INTO queuectl.queues (name) VALUES (%s)", (f"of {connection.autocommit}",))
        async with await AsyncPostgresStore.open(Home(str(tmp_path / "home"), url)) as awaited:
            before = queue.data_version(), await awaited.data_version()
            slow.commit()
            after = queue.data_version(), await awaited.data_version()

    assert before[0] != after[0]
    assert before[1] != after[1]


def test_changes_that_were_made_long_ago_are_looked_for_once_a_minute(queue: PostgresStore, url: str) -> None:
    def note_old_change() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("INSERT INTO queuectl.requests (key, at) VALUES ('long ago', 0)")

    def old_changes() -> int:
        with psycopg.connect(url) as connection:
            return len(connection.execute("SELECT 1 FROM queuectl.requests WHERE at = 0").fetchall())

    note_old_change()
    queue.upkeep()
    assert old_changes() == 0
    note_old_change()
    queue.upkeep()
    assert old_changes() == 1
