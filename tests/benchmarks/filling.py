"""A store filled with any number of jobs in every state but `processing`, by a few statements of SQL.

Four jobs in ten are ready, one is due tomorrow, one waits for its retry, two are completed, one is dead, one
cancelled; each run there was is in the history.
"""

from __future__ import annotations

import sqlite3

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
    :now - age + CASE i % 10 WHEN 4 THEN 86400000 WHEN 5 THEN 3600000 ELSE 0 END,
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
_COUNTS = "INSERT INTO counts (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state"


def fill(home: Home, jobs: int) -> None:
    """Make the store of a home, with so many jobs in it."""
    with SqliteStore(home) as store:
        now = store.clock()
    connection = sqlite3.connect(home.database, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(_JOBS, {"jobs": jobs, "now": now})
        for statement in (_RUNS, _QUEUES, _COUNTS):
            connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        connection.close()


def dead_job(jobs: int) -> str:
    """The id of a dead job about the middle of a store of so many."""
    return str(jobs // 20 * 10 + DEAD_DIGIT)
