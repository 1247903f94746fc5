"""A store filled with any number of jobs in every state but `processing`, by a few statements of SQL.

Four jobs in ten are ready, one is due tomorrow, one waits for its retry, two are completed, one is dead, one
cancelled; each run there was is in the history.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore

READY_OF_TEN = 4
DEAD_DIGIT = 8

_JOBS = """
WITH RECURSIVE
count (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM count WHERE i < :jobs),
mixed (i, age, state, attempts) AS (
    SELECT i, :jobs - i,
        CASE i % 10 WHEN 5 THEN 'failed' WHEN 6 THEN 'completed' WHEN 7 THEN 'completed' WHEN 8 THEN 'dead'
            WHEN 9 THEN 'cancelled' ELSE 'pending' END,
        CASE i % 10 WHEN 5 THEN 1 WHEN 6 THEN 1 WHEN 7 THEN 1 WHEN 8 THEN 4 ELSE 0 END
    FROM count)
INSERT INTO jobs (number, command, state, queue, priority, attempts, max_retries, due, ready, cwd, created_at,
                  updated_at, finished_at, exit_code, error, runs)
SELECT i, 'convert input/' || i || '.png output/' || i || '.jpg', state,
    CASE i % 3 WHEN 0 THEN 'default' WHEN 1 THEN 'mail' ELSE 'render' END, i % 7 - 3, attempts, 3,
    CASE i % 10 WHEN 4 THEN :now + 86400000 + age WHEN 5 THEN :now + 3600000 + age ELSE :now - age END,
    CASE WHEN i % 10 < 4 THEN 1 WHEN i % 10 < 6 THEN 0 END,
    '/tmp', :now - age, :now - age,
    iif(i % 10 < 6, NULL, :now - age),
    CASE i % 10 WHEN 5 THEN 1 WHEN 6 THEN 0 WHEN 7 THEN 0 WHEN 8 THEN 1 END,
    iif(state IN ('failed', 'dead'), 'exit status 1', NULL), attempts
FROM mixed
"""

_RUNS = """
INSERT INTO runs (job, attempt, token, worker, started_at, finished_at, outcome, exit_code, error,
                  duration_ms, output_bytes)
SELECT number, attempt, hex(randomblob(16)), 'bench-1', created_at, created_at,
    iif(exit_code = 0, 'completed', 'failed'), exit_code, error, 0, 0
FROM jobs JOIN (SELECT 1 AS attempt UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) ON attempt <= runs
ORDER BY number
"""

_QUEUES = "INSERT INTO queues (name) SELECT DISTINCT queue FROM jobs"
_COUNTS = """
INSERT INTO tallies (minute, queue, measure, n)
SELECT 2147483647, queue, state, count(*) FROM jobs GROUP BY queue, state
"""


_QUICKLY = (
    # No journal, no flush: a store that is half filled is thrown away.
    "PRAGMA journal_mode = OFF",
    "PRAGMA synchronous = OFF",
    "PRAGMA cache_size = -500000",
    "PRAGMA threads = 2",
)

CHECKED = 1000
"""Stores up to so many jobs are held against the constraints: the rows repeat after 210, so larger ones need not be."""


def fill(home: Home, jobs: int) -> None:
    """Make the store of a home, with so many jobs in it, and have it on the disk."""
    with SqliteStore(home) as store:
        now = store.clock()
    connection = sqlite3.connect(home.database, isolation_level=None)
    try:
        for pragma in _QUICKLY:
            connection.execute(pragma).fetchall()
        connection.execute(f"PRAGMA ignore_check_constraints = {jobs > CHECKED}")
        connection.execute("BEGIN")
        with _bared(connection):
            connection.execute(_JOBS, {"jobs": jobs, "now": now})
            connection.execute(_RUNS)
        connection.execute(_QUEUES)
        connection.execute(_COUNTS)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    finally:
        connection.close()
    # Written now, and not in the midst of what is measured.
    os.sync()


@contextmanager
def _bared(connection: sqlite3.Connection) -> Iterator[None]:
    """The tables without their indexes and triggers, which are made anew afterwards: sorting once is far quicker."""
    made = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in made:
        connection.execute(f"DROP {kind} {name}")
    yield
    for _, _, sql in made:
        connection.execute(sql)


def dead_job(jobs: int) -> str:
    """The id of a dead job about the middle of a store of so many."""
    return str(jobs // 20 * 10 + DEAD_DIGIT)
