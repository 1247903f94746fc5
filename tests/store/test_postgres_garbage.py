"""What old versions of rows cost a claim while somebody's old snapshot keeps them: counted in pages, never timed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queuectl_core.model.job import NewJob, Outcome, Result
from queuectl_core.model.settings import Settings
from queuectl_core.store.home import Home
from queuectl_core.store.postgres.address import parse_address
from queuectl_core.store.postgres.compiling import QUERIES
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.claims import Ask, Report, take_turns
from tests.store.acts import fresh_token
from tests.store.engines import emptied

JOBS = 2400
AT_ONCE = 8
VALUES = Settings.from_texts({})
A_PAGE = 25
"""So many jobs may finish for each page more that a claim has to look at: dead entries are walked through once."""

ALIKE = 5
"""So many pages more are still the same."""


@pytest.fixture
def queue(made_on_server: str, tmp_path: Path) -> Iterator[PostgresStore]:
    with PostgresStore(Home(str(tmp_path / "home"), emptied(made_on_server))) as opened:
        opened.run(enqueue_rows(lambda: [[row_of(NewJob("true"), "/")] * (JOBS + AT_ONCE)], str))
        yield opened


def finish(queue: PostgresStore, jobs: int) -> None:
    """Claim so many jobs and report each a success, as a worker does."""
    reports: list[Report] = []
    for _ in range(jobs // AT_ONCE):
        turns = queue.run(take_turns(reports, [Ask("pool-1", fresh_token()) for _ in range(AT_ONCE)]))
        assert len(turns.claimed) == AT_ONCE
        done = Result(Outcome.COMPLETED, 0)
        reports = [Report(held.job.number, held.token, done, VALUES) for held in turns.claimed]
    queue.run(take_turns(reports, []))


def pages(url: str, name: str, *, remembered: bool = False) -> int:
    """How many pages a statement of a claim looks at; where the first job is may be `remembered`."""
    address = parse_address(url)
    with psycopg.connect(address.conninfo) as connection:
        connection.execute(f"SET search_path = {address.schema}".encode())
        values: dict[str, Any] = {"queues": None, "known": None, "queue": "default", "wanted": AT_ONCE}
        [(_, _, *first, _)] = connection.execute(QUERIES["best_queues"].encode(), values)
        if remembered:
            values["known"] = json.dumps([["default", *first]])
        query = f"EXPLAIN (ANALYZE, BUFFERS) {QUERIES[name]}".encode()
        plan = connection.execute(query, {**values, "first": first}).fetchall()
        connection.rollback()
    text = "\n".join(line for (line,) in plan)
    found = re.search(r"Buffers: shared (?:hit=(\d+))? ?(?:read=(\d+))?", text)
    assert found, text
    return sum(int(number or 0) for number in found.groups())


@contextmanager
def old_snapshot(queue: PostgresStore) -> Iterator[None]:
    """Somebody who looked at the store once, and may look again."""
    with psycopg.connect(parse_address(str(queue.home.url)).conninfo) as other:
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM queuectl.jobs")
        yield


def test_a_claim_passes_once_over_what_an_old_snapshot_keeps(queue: PostgresStore) -> None:
    url = str(queue.home.url)
    with old_snapshot(queue):
        before = pages(url, "best_queues")
        finish(queue, JOBS)

        assert pages(url, "best_queues") - before <= JOBS / A_PAGE


def test_a_claim_that_remembers_the_first_job_passes_over_nothing(queue: PostgresStore) -> None:
    url = str(queue.home.url)
    with old_snapshot(queue):
        before = pages(url, "best_queues", remembered=True)
        finish(queue, JOBS)

        assert pages(url, "best_queues", remembered=True) - before <= ALIKE


@pytest.mark.parametrize("name", ["ready_jobs", "fair_share"])
def test_the_rest_of_a_claim_costs_the_same_under_an_old_snapshot(queue: PostgresStore, name: str) -> None:
    url = str(queue.home.url)
    with old_snapshot(queue):
        before = pages(url, name)
        finish(queue, JOBS)

        assert pages(url, name) - before <= ALIKE


def test_claims_cost_the_same_once_nobody_holds_one(queue: PostgresStore) -> None:
    before = pages(str(queue.home.url), "best_queues")
    finish(queue, JOBS)
    queue.run(take_turns([], []))

    # A few dead versions are passed over, of the pages that nobody has looked at since.
    assert pages(str(queue.home.url), "best_queues") <= before + JOBS / (4 * A_PAGE)


def rows_read(queue: PostgresStore) -> int:
    """How many rows of jobs and runs the server has fetched so far."""
    queue._connection.execute("SELECT pg_stat_force_next_flush()")
    address = parse_address(str(queue.home.url))
    with psycopg.connect(address.conninfo) as other:
        query = """SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) FROM pg_stat_user_tables
                   WHERE schemaname = %s AND relname IN ('jobs', 'runs')"""
        [(count,)] = other.execute(query, (address.schema,)).fetchall()
    return int(count)


def test_turns_that_were_planned_for_a_small_store_stay_cheap_in_a_large_one(
    made_on_server: str, tmp_path: Path
) -> None:
    with PostgresStore(Home(str(tmp_path / "home"), emptied(made_on_server))) as queue:
        for jobs in (400, JOBS):
            queue.run(enqueue_rows(lambda jobs=jobs: [[row_of(NewJob("true"), "/")] * jobs], str))  # type: ignore[misc]
            finish(queue, 160)
            before = rows_read(queue)
            finish(queue, 160)

        # Each job is looked up a few times in a turn; JOBS would be looked at in each.
        assert rows_read(queue) - before <= 160 * 20
