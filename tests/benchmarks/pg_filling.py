"""A PostgreSQL store filled with any number of jobs by a few statements of SQL."""

from __future__ import annotations

from enum import StrEnum

import psycopg

from queuectl_core.store.postgres.address import parse_address


class Mixture(StrEnum):
    """What the jobs are: all of them completed, or in every state but `processing`.

    Of ten mixed ones four are ready, one is due tomorrow, one waits for its retry, two are completed, one is dead, one
    cancelled. They are in three queues, of seven priorities.
    """

    FINISHED = "CASE WHEN true THEN 6 END"
    MIXED = "i % 10"


_JOBS = """
INSERT INTO jobs (number, command, state, queue, priority, attempts, max_retries, due, ready, cwd, created_at,
                  updated_at, started_at, finished_at, exit_code, error, runs)
SELECT i, 'convert input/' || i || '.png output/' || i || '.jpg',
    (ARRAY['pending', 'pending', 'pending', 'pending', 'pending', 'failed', 'completed', 'completed', 'dead',
           'cancelled'])[kind + 1],
    (ARRAY['default', 'mail', 'render'])[i % 3 + 1], i % 7 - 3, tried, 3,
    CASE kind WHEN 4 THEN now + 86400000 + age WHEN 5 THEN now + 3600000 + age ELSE now - age END,
    CASE WHEN kind < 4 THEN 1 WHEN kind < 6 THEN 0 END, '/tmp', now - age, now - age,
    CASE WHEN tried > 0 THEN now - age END, CASE WHEN kind > 5 THEN now - age END,
    CASE kind WHEN 5 THEN 1 WHEN 6 THEN 0 WHEN 7 THEN 0 WHEN 8 THEN 1 END,
    CASE WHEN kind IN (5, 8) THEN 'exit status 1' END, tried
FROM (
    SELECT i, kind, (extract(epoch FROM now()) * 1000)::bigint AS now, {jobs} - i AS age,
        CASE kind WHEN 5 THEN 1 WHEN 6 THEN 1 WHEN 7 THEN 1 WHEN 8 THEN 4 ELSE 0 END AS tried
    FROM (SELECT i, {kind} AS kind FROM generate_series(1, {jobs}) AS i) AS numbered) AS mixed
"""
_RUNS = """
INSERT INTO runs (job, attempt, token, worker, place, started_at, finished_at, outcome, exit_code, error, duration_ms,
                  output_bytes)
SELECT number, attempt, md5(number || '.' || attempt), 'bench-1', 'bench:/tmp', created_at, created_at,
    CASE exit_code WHEN 0 THEN 'completed' ELSE 'failed' END, exit_code, error, number % 1000, 0
FROM jobs CROSS JOIN LATERAL generate_series(1, runs) AS attempt ORDER BY number, attempt
"""
_MINUTES = """
INSERT INTO minute_sums (minute, queue, ended, completed, failed, duration_ms, duration_max_ms, waiting_ms)
SELECT now - back, queue, 100, 90, 10, 50000, 1000, 1000
FROM (SELECT (extract(epoch FROM now()) / 60)::bigint AS now) AS clock, generate_series(0, 10079) AS back,
    unnest(ARRAY['default', 'mail', 'render']) AS queue
"""
_BUCKETS = """
INSERT INTO bucket_sums (minute, queue, measure, bucket, n)
SELECT minute, queue, measure, bucket, 5
FROM minute_sums, unnest(ARRAY['duration', 'waiting']) AS measure, generate_series(1, 20) AS bucket
"""
_REST = (
    "INSERT INTO queues (name) SELECT DISTINCT queue FROM count_sums",
    "SELECT setval('job_numbers', {jobs})",
)
_COUNTS = "INSERT INTO count_sums (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state"


def fill(url: str, jobs: int, mixture: Mixture) -> None:
    """Put so many jobs, their runs and a week of roll-ups into a store that is empty, and have them on the disk."""
    address = parse_address(url)
    values = {"jobs": jobs, "kind": mixture.value}
    with psycopg.connect(address.conninfo, autocommit=True) as connection:
        connection.execute(f'SET search_path = "{address.schema}", pg_catalog'.encode())
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute("SET synchronous_commit = off")  # the checkpoint at the end is enough
        # A connection that is thrown away: neither triggers nor foreign keys are looked at row by row.
        connection.execute("SET session_replication_role = replica")
        indexes = _indexes(connection, address.schema)
        for name, _ in indexes:
            connection.execute(f'DROP INDEX "{name}"'.encode())
        for statement in (_JOBS, _RUNS, _MINUTES, _BUCKETS, _COUNTS, *_REST):
            connection.execute(statement.format(**values).encode())
        for _, definition in indexes:
            connection.execute(definition.encode())
        # As a store is that grew: autovacuum has been there.
        connection.execute("VACUUM (ANALYZE) jobs, runs, count_sums, minute_sums, bucket_sums")
        connection.execute("CHECKPOINT")


def _indexes(connection: psycopg.Connection[tuple[object, ...]], schema: str) -> list[tuple[str, str]]:
    """The indexes that are no keys, each with how it is made: sorting once is far quicker than growing them."""
    rows = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = %s AND tablename IN ('jobs', 'runs')"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)",
        (schema,),
    )
    return [(str(name), str(definition)) for name, definition in rows.fetchall()]
