"""What keeps the tables in shape under constant change: room in their pages, and garbage that is collected early."""

from __future__ import annotations

import psycopg
import pytest

from queuectl_core.model.job import NewJob
from queuectl_core.store.postgres.leases import renew
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.transactions import workers
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from tests.execution.waiting import eventually
from tests.store.test_postgres_garbage import finish

OFTEN = {"autovacuum_vacuum_cost_delay": "0"}
NOTES = {**OFTEN, "autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "5000"}
ROOM = {"fillfactor": "50"}
KEPT = {
    "jobs": {
        **OFTEN,
        "fillfactor": "70",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_vacuum_threshold": "1000",
        "autovacuum_analyze_scale_factor": "0.05",
    },
    "runs": {**OFTEN, "fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.05"},
    "requests": {**NOTES, "autovacuum_vacuum_threshold": "10000"},
    **dict.fromkeys(("count_notes", "minute_notes", "bucket_notes"), NOTES),
    **dict.fromkeys(("count_sums", "minute_sums", "bucket_sums", "pools", "workers"), ROOM),
}
"""How each table that is changed often is kept."""

RUNS = 400
RENEWALS = 60


def test_each_table_that_is_changed_often_has_room_and_is_vacuumed_early(queue: PostgresStore, url: str) -> None:
    query = """SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'queuectl'::regnamespace
               AND relkind = 'r' AND reloptions IS NOT NULL"""
    with psycopg.connect(url) as other:
        rows = other.execute(query).fetchall()

    assert {name: dict(option.split("=") for option in options) for name, options in rows} == KEPT


class Updates:
    """How many rows of a table were changed since this was made, and how many of them within their pages."""

    def __init__(self, queue: PostgresStore, url: str, table: str) -> None:
        self._queue, self._url, self._table = queue, url, table
        self._before = self._now()

    def _now(self) -> tuple[int, int]:
        # Those that a session has counted are told to others once it is idle.
        self._queue._connection.execute("SELECT pg_stat_force_next_flush()")
        self._queue._connection.execute("SELECT 1")
        query = """SELECT pg_stat_get_tuples_updated(oid), pg_stat_get_tuples_hot_updated(oid)
                   FROM pg_class WHERE oid = %s::regclass"""
        with psycopg.connect(self._url) as other:
            [(updated, hot)] = other.execute(query, (f"queuectl.{self._table}",)).fetchall()
        return int(updated), int(hot)

    def once(self, count: int) -> int:
        """Wait until so many are counted; how many of these were made within their pages."""

        def counted() -> tuple[int, int] | None:
            updated, hot = self._now()
            made = updated - self._before[0], hot - self._before[1]
            return made if made[0] >= count else None

        updated, hot = eventually(counted, what=f"{count} changes of {self._table} are counted")
        assert updated == count
        return hot


def test_the_end_of_a_run_changes_no_index(queue: PostgresStore, url: str) -> None:
    queue.run(enqueue_rows(lambda: [[row_of(NewJob("true"), "/")] * RUNS], str))
    runs = Updates(queue, url, "runs")

    finish(queue, RUNS)

    assert runs.once(RUNS) >= 0.9 * RUNS, "but for those whose page is full"


def register(queue: PostgresStore) -> None:
    """Have a pool of a worker on the roster."""
    lease = workers.Lease("site", 60_000)
    queue.run(workers.register_pool("abc", "here", 1, 1, lease))
    queue.run(workers.register_worker("abc-1", "abc", "here", 2, (), 0, lease))


def live_on(queue: PostgresStore, n: int) -> None:
    """Say what a worker or its pool says now and then."""
    match n % 3:
        case 0:
            queue.run(renew(60_000, ["abc-1"]))
        case 1:
            queue.run(renew(60_000 + n, ["abc-1"], ["abc"]))
        case _:
            queue.run(workers.worker_took_settings("abc-1", n))


@pytest.mark.parametrize(("table", "changes"), [("workers", RENEWALS), ("pools", RENEWALS // 3)])
def test_a_sign_of_life_changes_no_index(queue: PostgresStore, url: str, table: str, changes: int) -> None:
    register(queue)
    counted = Updates(queue, url, table)

    for n in range(RENEWALS):
        live_on(queue, n)

    assert counted.once(changes) == changes
