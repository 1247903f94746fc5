-- Every statement of the PostgreSQL stores. `:now` is the instant at which the transaction began, by the server's clock.
-- What `Many` hands in is one JSON array of objects, or of arrays, as `:rows`. A value that may be NULL says its type.

-- fragment: job_columns
number, name, command, argv, state, queue, priority, attempts, max_retries, due, timeout_ms, cwd, env,
created_at, updated_at, started_at, finished_at, exit_code, signal, error, worker, runs, cancelling

-- fragment: run_columns
attempt, outcome, exit_code, signal, error, started_at, finished_at, duration_ms, worker, output_bytes

-- fragment: pairs
    -- Pairs of state and queue, from a JSON array of arrays.
    (SELECT pair ->> 0 AS state, pair ->> 1 AS queue FROM json_array_elements(:pairs::json) AS pair) AS pairs

-- fragment: wanted
    -- Numbers from a JSON array, with their places in it.
    (SELECT (value #>> '{}')::bigint AS wanted_number, place
     FROM json_array_elements(:numbers::json) WITH ORDINALITY AS numbers (value, place)) AS wanted

-- fragment: matching
    -- What a filter asks for beyond states and queues, as `model/filters.py` means it. NULL asks for nothing.
    (:ids::text IS NULL OR EXISTS (
        SELECT 1 FROM json_array_elements_text(:ids::json) AS id
        WHERE starts_with(coalesce(name, number::text), id)))
    AND (:older_ms::bigint IS NULL OR :now - created_at >= :older_ms::bigint)
    AND (:newer_ms::bigint IS NULL OR :now - created_at < :newer_ms::bigint)
    AND (:exits::text IS NULL
        OR exit_code IN (SELECT code::integer FROM json_array_elements_text(:exits::json -> 'codes') AS code)
        OR signal IN (SELECT signal_number::integer
            FROM json_array_elements_text(:exits::json -> 'signals') AS signal_number)
        OR (signal IS NOT NULL AND (:exits::json ->> 'any_signal')::boolean)
        OR EXISTS (SELECT 1 FROM json_array_elements_text(:exits::json -> 'errors') AS word
            WHERE strpos(lower(error), word) > 0))
    AND (:command::text IS NULL OR strpos(lower({command_text}), :command::text) > 0)
    AND (:commands::text IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_array_elements_text(:commands::json) AS word WHERE strpos(lower({command_text}), word) = 0))
    AND (:word::text IS NULL OR strpos({searched_text}, :word::text) > 0)
    AND (:words::text IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_array_elements_text(:words::json) AS word WHERE strpos({searched_text}, word) = 0))

-- fragment: sort_number
    -- A column to sort by is one of numbers or one of text; the other key is the same for all.
    CASE :column::text WHEN 'id' THEN CASE WHEN name IS NULL THEN number ELSE 9223372036854775807 END
        WHEN 'state' THEN array_position(
            ARRAY['pending', 'processing', 'completed', 'failed', 'dead', 'cancelled'], state::text)
        WHEN 'priority' THEN priority WHEN 'tries' THEN attempts WHEN 'age' THEN created_at
        WHEN 'due' THEN CASE WHEN ready IS NULL THEN NULL ELSE due END WHEN 'ended' THEN finished_at
        WHEN 'exit' THEN coalesce(exit_code, 1000 + signal) ELSE 0 END

-- fragment: sort_text
    CASE :column::text WHEN 'id' THEN coalesce(name, '') WHEN 'queue' THEN queue
        WHEN 'command' THEN {command_text} ELSE '' END COLLATE "C"

-- fragment: searched_text
lower(coalesce(name, number::text) || chr(31) || {command_text} || chr(31) || queue || chr(31) || coalesce(error, ''))

-- fragment: command_text
(CASE WHEN argv = 1 THEN (SELECT string_agg(word, ' ' ORDER BY place) FROM json_array_elements_text(command::json)
    WITH ORDINALITY AS words (word, place)) ELSE command END COLLATE "C")

-- name: now
SELECT :now;

-- ------------------------------------------------------------------ jobs

-- name: insert_job
INSERT INTO jobs (name, command, argv, state, queue, priority, max_retries, due, ready, timeout_ms, cwd, env,
                  created_at, updated_at)
VALUES (:name, :command, :argv, 'pending', :queue, :priority, :max_retries,
        coalesce(:due::bigint, :now + :delay_ms::bigint),
        (coalesce(:due::bigint, :now + :delay_ms::bigint) <= :now)::integer, :timeout_ms, :cwd, :env, :now, :now)
ON CONFLICT (name) WHERE name IS NOT NULL DO NOTHING
RETURNING {job_columns};

-- Rows are copied in, three times as fast as they are read from JSON.
-- name: insert_jobs
COPY jobs (number, name, command, argv, queue, priority, max_retries, due, ready, timeout_ms, cwd, env, created_at,
    updated_at) FROM STDIN;

-- Numbers for new jobs, as the first of each stretch and its length: others may be given numbers in between.
-- name: new_numbers
SELECT min(number), count(*) FROM (
    SELECT number, number - row_number() OVER (ORDER BY number) AS stretch
    FROM (SELECT nextval('job_numbers') AS number FROM generate_series(1, :n)) AS drawn) AS stretches
GROUP BY stretch ORDER BY 1;

-- name: last_number
SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM job_numbers;

-- name: taken_names
SELECT name FROM jobs WHERE name IN (SELECT json_array_elements_text(:names::json));

-- name: add_queue
INSERT INTO queues (name) VALUES (:queue) ON CONFLICT (name) DO NOTHING;

-- name: add_count
INSERT INTO count_notes (queue, state, n) VALUES (:queue, 'pending', :n);

-- name: job_by_number
SELECT {job_columns} FROM jobs WHERE number = :number::bigint;

-- name: job_by_name
SELECT {job_columns} FROM jobs WHERE name = :name;

-- name: newest_jobs
SELECT {job_columns} FROM jobs WHERE number < :before::bigint ORDER BY number DESC LIMIT :limit::bigint;

-- name: newest_jobs_of
SELECT {job_columns} FROM jobs WHERE state = :state AND queue = :queue AND number < :before::bigint
ORDER BY number DESC LIMIT :limit::bigint;

-- name: history
SELECT {run_columns} FROM runs WHERE job = :number::bigint ORDER BY attempt;

-- name: tail
SELECT output FROM tails WHERE job = :number::bigint AND attempt = :attempt::integer;

-- name: stored_output
SELECT place, outcome, output_bytes, output
FROM runs LEFT JOIN tails ON tails.job = runs.job AND tails.attempt = runs.attempt
WHERE runs.job = :number::bigint AND runs.attempt = :attempt::integer;

-- name: ids_starting_with
SELECT name FROM jobs WHERE name >= :prefix AND name < :beyond ORDER BY name LIMIT :limit::bigint;

-- name: cancel_waiting
UPDATE jobs SET state = 'cancelled', ready = NULL, finished_at = :now, updated_at = :now
WHERE number = :number::bigint AND state IN ('pending', 'failed')
RETURNING {job_columns};

-- name: ask_to_cancel
UPDATE jobs SET cancelling = 1, updated_at = :now WHERE number = :number::bigint AND state = 'processing'
RETURNING {job_columns};

-- name: retry_ended
UPDATE jobs SET state = 'pending', ready = 1, due = :now, attempts = 0, exit_code = NULL, signal = NULL,
    error = NULL, started_at = NULL, finished_at = NULL, worker = NULL, updated_at = :now
WHERE number = :number::bigint AND state IN ('completed', 'dead', 'cancelled')
RETURNING {job_columns};

-- name: delete_ended
DELETE FROM jobs WHERE number = :number::bigint AND state IN ('completed', 'dead', 'cancelled')
RETURNING number, runs;

-- name: edit_job
UPDATE jobs SET
    command = coalesce(:command::text, command),
    argv = coalesce(:argv::smallint, argv),
    queue = coalesce(:queue::text, queue),
    priority = coalesce(:priority::integer, priority),
    max_retries = coalesce(:max_retries::integer, max_retries),
    timeout_ms = CASE WHEN :no_timeout::integer = 1 THEN NULL ELSE coalesce(:timeout_ms::bigint, timeout_ms) END,
    due = coalesce(:due::bigint, :now + :delay_ms::bigint, due),
    ready = CASE WHEN ready IS NULL OR coalesce(:due::bigint, :delay_ms::bigint) IS NULL THEN ready
        ELSE (coalesce(:due::bigint, :now + :delay_ms::bigint) <= :now)::integer END,
    cwd = coalesce(:cwd::text, cwd),
    env = coalesce(:env::text, env),
    updated_at = :now
WHERE number = :number::bigint AND state IN ('pending', 'failed', 'dead')
RETURNING {job_columns};

-- name: count_ended_before
SELECT count(*) FROM jobs
WHERE state = :state AND queue = :queue AND finished_at IS NOT NULL AND finished_at <= :now - :age_ms::bigint;

-- Rows that somebody changes just now are passed over: they are for the next round.
-- name: forget_ended
WITH old AS MATERIALIZED (
    SELECT number FROM jobs
    WHERE state = :state AND queue = :queue AND finished_at IS NOT NULL AND finished_at <= :now - :age_ms::bigint
    ORDER BY finished_at LIMIT :limit::bigint FOR UPDATE SKIP LOCKED)
DELETE FROM jobs USING old WHERE jobs.number = old.number
RETURNING jobs.number, jobs.runs;

-- ------------------------------------------------------------------ claims

-- name: promote_due
WITH now_due AS MATERIALIZED (
    SELECT number FROM jobs WHERE ready = 0 AND due <= :now ORDER BY due LIMIT 1000 FOR UPDATE SKIP LOCKED)
UPDATE jobs SET ready = 1 FROM now_due WHERE jobs.number = now_due.number;

-- How many of the best `:wanted` jobs are in each open queue, which is the first of each, and how long (µs) it took to find
-- that: one seek a queue, and what follows is read from there. Whoever holds an old snapshot keeps many dead entries before
-- the first, so these are walked through once a claim; or not at all, where `:known` says of each queue where its first job
-- was found a little ago. No lock is taken and no count read, so nobody is waited for.
-- name: best_queues
WITH RECURSIVE found (queue, priority, due, number) AS (
    (SELECT queue, priority, due, number FROM jobs WHERE ready = 1 AND :known::text IS NULL
     ORDER BY queue, priority DESC, due, number LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority, next.due, next.number FROM found CROSS JOIN LATERAL (
        SELECT queue, priority, due, number FROM jobs WHERE ready = 1 AND jobs.queue > found.queue
        ORDER BY queue, priority DESC, due, number LIMIT 1) AS next),
known AS MATERIALIZED (
    SELECT k ->> 0 AS queue, (k ->> 1)::bigint AS priority, (k ->> 2)::bigint AS due, (k ->> 3)::bigint AS number
    FROM json_array_elements(:known::json) AS k),
first AS (
    SELECT * FROM found
    UNION ALL
    SELECT known.queue, best.* FROM known CROSS JOIN LATERAL (
        (SELECT priority, due, number FROM jobs WHERE ready = 1 AND jobs.queue = known.queue
            AND jobs.priority > known.priority
         ORDER BY priority DESC, due, number LIMIT 1)
        UNION ALL
        (SELECT priority, due, number FROM jobs WHERE ready = 1 AND jobs.queue = known.queue
            AND jobs.priority = known.priority AND (jobs.due, jobs.number) >= (known.due, known.number)
         ORDER BY due, number LIMIT 1)
        UNION ALL
        (SELECT priority, due, number FROM jobs WHERE ready = 1 AND jobs.queue = known.queue
            AND jobs.priority < known.priority
         ORDER BY priority DESC, due, number LIMIT 1)
        LIMIT 1) AS best),
open AS MATERIALIZED (
    SELECT queue, priority, due, number FROM first
    WHERE (:queues::text IS NULL OR queue IN (SELECT json_array_elements_text(:queues::json)))
        AND queue NOT IN (SELECT name FROM queues WHERE paused = 1)
    -- The best n jobs are in the n queues with the best firsts.
    ORDER BY priority DESC, due, number LIMIT :wanted::bigint),
best AS MATERIALIZED (
    SELECT open.queue FROM open CROSS JOIN LATERAL (
        (SELECT priority, due, number FROM jobs WHERE ready = 1 AND jobs.queue = open.queue
            AND jobs.priority = open.priority AND (jobs.due, jobs.number) >= (open.due, open.number)
         ORDER BY due, number LIMIT :wanted::bigint)
        UNION ALL
        (SELECT priority, due, number FROM jobs WHERE ready = 1 AND jobs.queue = open.queue
            AND jobs.priority < open.priority
         ORDER BY priority DESC, due, number LIMIT :wanted::bigint)
        LIMIT :wanted::bigint) AS heads
    ORDER BY heads.priority DESC, heads.due, heads.number LIMIT :wanted::bigint)
SELECT queue, (SELECT count(*) FROM best WHERE best.queue = open.queue), priority, due, number,
    (extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000000)::bigint
FROM open;

-- The jobs of a queue from its first on: those of the same priority, then those of lower ones. They are locked until the
-- transaction ends, and others pass over them. A row is locked as it is fetched, and no more are than the last LIMIT says.
-- name: ready_jobs
SELECT * FROM (
    SELECT {job_columns} FROM jobs WHERE ready = 1 AND queue = :queue AND priority = (:first::bigint[])[1]
        AND (due, number) >= ((:first::bigint[])[2], (:first::bigint[])[3])
    ORDER BY due, number LIMIT :wanted::bigint FOR UPDATE SKIP LOCKED) AS same
UNION ALL
SELECT * FROM (
    SELECT {job_columns} FROM jobs WHERE ready = 1 AND queue = :queue AND priority < (:first::bigint[])[1]
    ORDER BY priority DESC, due, number LIMIT :wanted::bigint FOR UPDATE SKIP LOCKED) AS lower
LIMIT :wanted::bigint;

-- What changes several rows looks for them by the numbers of an array, and not by a join: a plan that was made while the
-- table was small, and is kept, would read all of it once it is large.

-- name: hold_jobs
UPDATE jobs SET state = 'processing', ready = NULL, attempts = attempts + 1, runs = runs + 1, exit_code = NULL,
    signal = NULL, error = NULL, (token, worker, started_at, updated_at) = (
        SELECT r.token, r.worker, r.now, r.now
        FROM json_to_recordset(:rows::json) AS r (number bigint, token text, worker text, now bigint)
        WHERE r.number = jobs.number)
WHERE number = ANY (ARRAY(SELECT (r ->> 'number')::bigint FROM json_array_elements(:rows::json) AS r))
    AND coalesce(ready, 0) = 1;

-- name: insert_runs
INSERT INTO runs (job, attempt, token, worker, started_at, place)
SELECT number, attempt, token, worker, now, :place
FROM json_to_recordset(:rows::json) AS r (number bigint, attempt integer, token text, worker text, now bigint);

-- name: next_due
SELECT min(due) - :now FROM jobs WHERE ready = 0;

-- name: now_and_version
SELECT :now, settings FROM versions WHERE only_one = 1;

-- How many jobs wait is not counted further than it matters, which is until there are `:wanted` for each worker; from the
-- end of the line, since before its beginning dead entries pile up.
-- name: fair_share
SELECT (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE ready = 1
            ORDER BY queue DESC, priority, due DESC, number DESC LIMIT crew.enough) AS waiting)
        + (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE ready = 0 LIMIT crew.enough) AS waiting),
    crew.workers
FROM (SELECT count(*) AS workers, greatest(1, count(*)) * :wanted::bigint AS enough
      FROM workers) AS crew;

-- name: held_jobs
SELECT token, {job_columns} FROM jobs
WHERE number = ANY (ARRAY(SELECT (run ->> 0)::bigint FROM json_array_elements(:runs::json) AS run))
    AND token = ANY (ARRAY(SELECT run ->> 1 FROM json_array_elements(:runs::json) AS run)) AND state = 'processing'
ORDER BY number FOR UPDATE;

-- What ends a run of a job is in three statements, as on SQLite. All are fenced by the token.

-- name: end_jobs
UPDATE jobs SET token = NULL, cancelling = 0,
    (state, attempts, started_at, finished_at, exit_code, signal, error, updated_at) = (
    SELECT r.state, jobs.attempts + r.charge, r.began_at, r.ended_at, r.exit_code, r.signal, r.error, r.now
    FROM json_to_recordset(:rows::json) AS r (token text, state text, charge integer, began_at bigint, ended_at bigint,
        exit_code integer, signal integer, error text, now bigint)
    WHERE r.token = jobs.token)
WHERE number = ANY (ARRAY(SELECT (r ->> 'number')::bigint FROM json_array_elements(:rows::json) AS r))
    AND token = ANY (ARRAY(SELECT r ->> 'token' FROM json_array_elements(:rows::json) AS r)) AND state = 'processing';

-- name: put_off_jobs
UPDATE jobs SET state = 'failed', token = NULL, (ready, due, started_at, exit_code, signal, error, updated_at) = (
    SELECT (r.delay_ms <= 0)::integer, r.now + r.delay_ms, r.began_at, r.exit_code, r.signal, r.error, r.now
    FROM json_to_recordset(:rows::json) AS r (token text, delay_ms bigint, began_at bigint, exit_code integer,
        signal integer, error text, now bigint)
    WHERE r.token = jobs.token)
WHERE number = ANY (ARRAY(SELECT (r ->> 'number')::bigint FROM json_array_elements(:rows::json) AS r))
    AND token = ANY (ARRAY(SELECT r ->> 'token' FROM json_array_elements(:rows::json) AS r)) AND state = 'processing';

-- name: release_jobs
UPDATE jobs SET state = 'pending', token = NULL, ready = 1,
    (attempts, started_at, exit_code, signal, error, updated_at) = (
    SELECT jobs.attempts + r.charge, r.began_at, r.exit_code, r.signal, r.error, r.now
    FROM json_to_recordset(:rows::json) AS r (token text, charge integer, began_at bigint, exit_code integer,
        signal integer, error text, now bigint)
    WHERE r.token = jobs.token)
WHERE number = ANY (ARRAY(SELECT (r ->> 'number')::bigint FROM json_array_elements(:rows::json) AS r))
    AND token = ANY (ARRAY(SELECT r ->> 'token' FROM json_array_elements(:rows::json) AS r)) AND state = 'processing';

-- name: end_runs
UPDATE runs SET (outcome, started_at, finished_at, exit_code, signal, error, duration_ms, output_bytes) = (
    SELECT r.outcome, r.began_at, r.ended_at, r.exit_code, r.signal, r.error,
        coalesce(r.duration_ms, greatest(0, r.ended_at - r.began_at)), r.output_bytes
    FROM json_to_recordset(:rows::json) AS r (token text, outcome text, began_at bigint, ended_at bigint,
        exit_code integer, signal integer, error text, duration_ms bigint, output_bytes bigint)
    WHERE r.token = runs.token)
WHERE job = ANY (ARRAY(SELECT (r ->> 'number')::bigint FROM json_array_elements(:rows::json) AS r))
    AND token = ANY (ARRAY(SELECT r ->> 'token' FROM json_array_elements(:rows::json) AS r));

-- A claim that came to nothing leaves no trace: its run never started.

-- name: unclaim_job
UPDATE jobs SET state = CASE cancelling WHEN 1 THEN 'cancelled' ELSE 'pending' END,
    ready = CASE cancelling WHEN 1 THEN NULL ELSE 1 END, token = NULL,
    finished_at = CASE cancelling WHEN 1 THEN :now END, cancelling = 0, attempts = attempts - 1, runs = runs - 1,
    started_at = CASE runs WHEN 1 THEN NULL ELSE started_at END, updated_at = :now
WHERE number = :number::bigint AND token = :token AND state = 'processing'
RETURNING queue, state;

-- name: unclaim_run
DELETE FROM runs WHERE job = :number::bigint AND attempt = :attempt::integer AND token = :token;

-- name: insert_tails
INSERT INTO tails (job, attempt, output)
SELECT number, attempt, decode(output, 'base64')
FROM json_to_recordset(:rows::json) AS r (number bigint, attempt integer, output text)
ON CONFLICT (job, attempt) DO UPDATE SET output = excluded.output;

-- name: cancel_wanted
SELECT cancelling FROM jobs WHERE number = :number::bigint AND token = :token;

-- name: token_of_run
SELECT token FROM runs WHERE job = :number::bigint AND attempt = :attempt::integer;

-- name: processing_jobs
SELECT token, {job_columns} FROM jobs WHERE token IS NOT NULL ORDER BY number;

-- ------------------------------------------------------------------ statistics

-- name: move_counts
INSERT INTO count_notes (queue, state, n)
SELECT r ->> 0, r ->> 1, (r ->> 2)::bigint FROM json_array_elements(:rows::json) AS r;

-- name: note_minutes
INSERT INTO minute_notes (minute, queue, ended, completed, failed, timed_out, cancelled, released, lost,
                          duration_ms, duration_max_ms, waiting_ms)
SELECT minute, queue, ended, completed, failed, timed_out, cancelled, released, lost,
    duration_ms, duration_max_ms, waiting_ms
FROM json_to_recordset(:rows::json) AS r (minute bigint, queue text, ended bigint, completed bigint, failed bigint,
    timed_out bigint, cancelled bigint, released bigint, lost bigint, duration_ms bigint, duration_max_ms bigint,
    waiting_ms bigint);

-- name: note_buckets
INSERT INTO bucket_notes (minute, queue, measure, bucket, n)
SELECT (r ->> 0)::bigint, r ->> 1, r ->> 2, (r ->> 3)::integer, (r ->> 4)::bigint
FROM json_array_elements(:rows::json) AS r;

-- name: note_depth
INSERT INTO minute_sums (minute, queue, depth)
SELECT :now / 60000, queue, sum(n) FROM counts WHERE state IN ('pending', 'failed') GROUP BY queue HAVING sum(n) > 0
ON CONFLICT (minute, queue) DO UPDATE SET depth = excluded.depth;

-- name: counts
SELECT queue, state, n FROM counts WHERE n <> 0 ORDER BY queue, state;

-- name: queues_holding
SELECT queue FROM counts WHERE state = :state AND n > 0 ORDER BY queue;

-- name: counted_again
SELECT queue, state, count(*) FROM jobs GROUP BY queue, state ORDER BY queue, state;

-- name: recount_clear
DELETE FROM count_sums;

-- Whoever adds notes meanwhile is not seen here, nor are their jobs: both are of the same transaction.
-- name: recount
WITH noted AS (DELETE FROM count_notes)
INSERT INTO count_sums (queue, state, n) SELECT queue, state, count(*) FROM jobs GROUP BY queue, state;

-- name: minutes_since
SELECT minute, queue, ended, completed, failed, timed_out, cancelled, released, lost, duration_ms, duration_max_ms,
    waiting_ms, depth
FROM minutes WHERE minute > :now / 60000 - :minutes::bigint ORDER BY minute, queue;

-- name: buckets_since
SELECT minute, queue, measure, bucket, n FROM histograms WHERE minute > :now / 60000 - :minutes::bigint
ORDER BY minute, queue, measure, bucket;

-- name: buckets_by_step
SELECT :first::bigint + (minute - :first::bigint) / :step::bigint * :step::bigint, measure, bucket, sum(n)::bigint
FROM histograms
WHERE minute >= :first::bigint AND (:queue::text IS NULL OR queue = :queue::text) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: minute_totals
SELECT minute, sum(ended)::bigint FROM minutes WHERE minute > :now / 60000 - :minutes::bigint GROUP BY minute;

-- name: outcome_totals
SELECT coalesce(sum(completed), 0)::bigint, coalesce(sum(failed), 0)::bigint, coalesce(sum(timed_out), 0)::bigint,
    coalesce(sum(lost), 0)::bigint, coalesce(sum(duration_ms), 0)::bigint, coalesce(max(duration_max_ms), 0)
FROM minutes WHERE minute > :now / 60000 - :minutes::bigint;

-- name: duration_totals
SELECT bucket, sum(n)::bigint FROM histograms
WHERE minute > :now / 60000 - :minutes::bigint AND measure = 'duration' GROUP BY bucket;

-- name: oldest_upcoming
SELECT :now - min(due) FROM jobs WHERE ready = 0 AND due <= :now;

-- name: put_off_ahead
SELECT count(*), max(updated_at) - :now, min(number) FROM jobs WHERE ready = 0 AND updated_at > :now + :slack_ms;

-- The oldest due instant of a queue: one seek for each priority in it.
-- name: oldest_ready
WITH RECURSIVE steps (priority) AS (
    (SELECT max(priority) FROM jobs WHERE ready = 1 AND queue = :queue)
    UNION ALL
    SELECT (SELECT max(priority) FROM jobs WHERE ready = 1 AND queue = :queue AND priority < steps.priority)
    FROM steps WHERE steps.priority IS NOT NULL)
SELECT :now - min((SELECT min(due) FROM jobs WHERE ready = 1 AND queue = :queue AND priority = steps.priority))
FROM steps WHERE priority IS NOT NULL;

-- name: forget_minutes
WITH noted AS (DELETE FROM minute_notes WHERE minute < :now / 60000 - :minutes::bigint)
DELETE FROM minute_sums WHERE minute < :now / 60000 - :minutes::bigint;

-- name: forget_buckets
WITH noted AS (DELETE FROM bucket_notes WHERE minute < :now / 60000 - :minutes::bigint)
DELETE FROM bucket_sums WHERE minute < :now / 60000 - :minutes::bigint;

-- ------------------------------------------------------------------ folding

-- One at a time, and nobody waits: whoever finds another at it leaves it to them.
-- name: fold_alone
SELECT pg_try_advisory_xact_lock(hashtext(:what), (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()));

-- name: fold_counts
WITH noted AS MATERIALIZED (DELETE FROM count_notes RETURNING queue, state, n)
INSERT INTO count_sums AS sums (queue, state, n)
SELECT queue, state, sum(n) FROM noted GROUP BY queue, state HAVING sum(n) <> 0
ON CONFLICT (queue, state) DO UPDATE SET n = sums.n + excluded.n;

-- name: fold_minutes
WITH noted AS MATERIALIZED (DELETE FROM minute_notes RETURNING *)
INSERT INTO minute_sums AS sums (minute, queue, ended, completed, failed, timed_out, cancelled, released, lost,
    duration_ms, duration_max_ms, waiting_ms)
SELECT minute, queue, sum(ended), sum(completed), sum(failed), sum(timed_out), sum(cancelled), sum(released),
    sum(lost), sum(duration_ms), max(duration_max_ms), sum(waiting_ms) FROM noted GROUP BY minute, queue
ON CONFLICT (minute, queue) DO UPDATE SET
    ended = sums.ended + excluded.ended, completed = sums.completed + excluded.completed,
    failed = sums.failed + excluded.failed, timed_out = sums.timed_out + excluded.timed_out,
    cancelled = sums.cancelled + excluded.cancelled, released = sums.released + excluded.released,
    lost = sums.lost + excluded.lost, duration_ms = sums.duration_ms + excluded.duration_ms,
    duration_max_ms = greatest(sums.duration_max_ms, excluded.duration_max_ms),
    waiting_ms = sums.waiting_ms + excluded.waiting_ms;

-- name: fold_buckets
WITH noted AS MATERIALIZED (DELETE FROM bucket_notes RETURNING *)
INSERT INTO bucket_sums AS sums (minute, queue, measure, bucket, n)
SELECT minute, queue, measure, bucket, sum(n) FROM noted GROUP BY minute, queue, measure, bucket
ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET n = sums.n + excluded.n;

-- name: forget_requests
DELETE FROM requests WHERE at < :now - :age_ms::bigint;

-- name: data_version
-- The whole snapshot: a transaction that began before others may commit after them, and its end alone stays the same.
SELECT hashtextextended(pg_current_snapshot()::text, 0);

-- ------------------------------------------------------------------ dead letters

-- name: dead_letters
SELECT {job_columns} FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
    AND (finished_at, number) < (:finished_before::bigint, :number_before::bigint)
ORDER BY finished_at DESC, number DESC LIMIT :limit::bigint;

-- name: causes
SELECT error, exit_code, signal, count(*), min(finished_at), max(finished_at), max(number)
FROM jobs WHERE state = 'dead' AND (:queue::text IS NULL OR queue = :queue::text)
GROUP BY error, exit_code, signal ORDER BY count(*) DESC, error NULLS FIRST;

-- name: retry_dead
WITH first AS MATERIALIZED (
    SELECT number FROM jobs
    WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL AND finished_at <= :finished_until::bigint
    ORDER BY finished_at LIMIT :limit::bigint FOR UPDATE)
UPDATE jobs SET state = 'pending', ready = 1, due = :now, attempts = 0, exit_code = NULL, signal = NULL,
    error = NULL, started_at = NULL, finished_at = NULL, worker = NULL, updated_at = :now
FROM first WHERE jobs.number = first.number
RETURNING jobs.number, coalesce(name, jobs.number::text);

-- ------------------------------------------------------------------ queues

-- name: queues
SELECT name, paused FROM queues ORDER BY name;

-- name: set_paused
INSERT INTO queues (name, paused) VALUES (:queue, :paused) ON CONFLICT (name) DO UPDATE SET paused = excluded.paused;

-- name: forget_queues
DELETE FROM queues WHERE paused = 0 AND NOT EXISTS (SELECT 1 FROM counts WHERE counts.queue = name AND n <> 0);

-- name: forget_counts
DELETE FROM count_sums WHERE n = 0;

-- ------------------------------------------------------------------ settings

-- name: settings
SELECT key, value FROM settings ORDER BY key;

-- name: setting
SELECT value FROM settings WHERE key = :key;

-- name: set_setting
INSERT INTO settings (key, value, updated_at) VALUES (:key, :value, :now)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at;

-- name: unset_setting
DELETE FROM settings WHERE key = :key;

-- name: bump_settings
UPDATE versions SET settings = settings + 1 WHERE only_one = 1 RETURNING settings;

-- ------------------------------------------------------------------ pools and workers

-- name: insert_pool
INSERT INTO pools (id, host, site, pid, started_at, seen_at, lease_ms, wanted)
VALUES (:pool, :host, :site, :pid, :now, :now, :lease_ms, :wanted)
ON CONFLICT (id) DO NOTHING;

-- name: delete_pool
DELETE FROM pools WHERE id = :pool;

-- name: pools
SELECT id, host, pid, started_at, wanted, orders, site, (seen_at <= :now - lease_ms)::integer FROM pools ORDER BY started_at, id;

-- name: pool_orders
SELECT wanted, orders FROM pools WHERE id = :pool;

-- name: order_pool
UPDATE pools SET orders = :orders WHERE id = :pool AND orders <> 'stop' RETURNING id;

-- name: scale_pool
UPDATE pools SET wanted = :wanted WHERE id = :pool RETURNING id;

-- name: insert_worker
INSERT INTO workers (id, pool, host, site, pid, started_at, seen_at, lease_ms, idle_since, queues, settings_version)
VALUES (:worker, :pool, :host, :site, :pid, :now, :now, :lease_ms, :now, :queues, :settings_version);

-- name: worker_idle
UPDATE workers SET idle_since = :now WHERE id = :worker;

-- name: worker_draining
UPDATE workers SET draining = 1 WHERE id = :worker;

-- name: worker_took_settings
UPDATE workers SET settings_version = :settings_version WHERE id = :worker;

-- name: delete_worker
DELETE FROM workers WHERE id = :worker;

-- name: workers
SELECT id, pool, host, pid, started_at, idle_since, queues, draining, settings_version, site,
    (seen_at <= :now - lease_ms)::integer
FROM workers ORDER BY started_at, id;

-- A lease is shortened by its worker alone: what it runs goes by the one that it promised last.
-- name: renew_workers
UPDATE workers SET seen_at = :now, lease_ms = CASE WHEN :themselves = 1 THEN :lease_ms ELSE greatest(lease_ms, :lease_ms) END
WHERE id IN (SELECT json_array_elements_text(:names::json)) RETURNING id;

-- name: renew_pools
UPDATE pools SET seen_at = :now, lease_ms = :lease_ms WHERE id IN (SELECT json_array_elements_text(:names::json)) RETURNING id;

-- Whoever renews at this instant comes first: the row is looked at again once theirs is committed.
-- name: give_up_worker
DELETE FROM workers WHERE id = :worker AND seen_at <= :now - lease_ms RETURNING id;

-- name: give_up_pools
DELETE FROM pools WHERE seen_at <= :now - lease_ms;

-- name: runs_of_worker
SELECT number, token FROM jobs WHERE token IS NOT NULL AND worker = :worker ORDER BY number FOR UPDATE;

-- ------------------------------------------------------------------ browsing

-- Numbers strictly between `:above` and `:below`, downwards and upwards: of all jobs, of one pair of state and queue,
-- of several. Each walk is along one index.

-- name: numbers_down
SELECT number FROM jobs WHERE number > :above::bigint AND number < :below::bigint
ORDER BY number DESC LIMIT :limit::bigint OFFSET :skip::bigint;

-- name: numbers_up
SELECT number FROM jobs WHERE number > :above::bigint AND number < :below::bigint
ORDER BY number LIMIT :limit::bigint OFFSET :skip::bigint;

-- name: numbers_of_pair_down
SELECT number FROM jobs WHERE state = :state AND queue = :queue AND number > :above::bigint AND number < :below::bigint
ORDER BY number DESC LIMIT :limit::bigint OFFSET :skip::bigint;

-- name: numbers_of_pair_up
SELECT number FROM jobs WHERE state = :state AND queue = :queue AND number > :above::bigint AND number < :below::bigint
ORDER BY number LIMIT :limit::bigint OFFSET :skip::bigint;

-- Each pair gives no more than could be shown.

-- name: numbers_of_pairs_down
SELECT number FROM {pairs} CROSS JOIN LATERAL (
    SELECT number FROM jobs WHERE jobs.state = pairs.state AND jobs.queue = pairs.queue
        AND number > :above::bigint AND number < :below::bigint
    ORDER BY number DESC LIMIT :limit::bigint + :skip::bigint) AS heads
ORDER BY number DESC LIMIT :limit::bigint OFFSET :skip::bigint;

-- name: numbers_of_pairs_up
SELECT number FROM {pairs} CROSS JOIN LATERAL (
    SELECT number FROM jobs WHERE jobs.state = pairs.state AND jobs.queue = pairs.queue
        AND number > :above::bigint AND number < :below::bigint
    ORDER BY number LIMIT :limit::bigint + :skip::bigint) AS heads
ORDER BY number LIMIT :limit::bigint OFFSET :skip::bigint;

-- name: how_many
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE number > :above::bigint AND number < :below::bigint LIMIT :limit::bigint) AS counted;

-- name: how_many_of_pair
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE state = :state AND queue = :queue AND number > :above::bigint AND number < :below::bigint
    LIMIT :limit::bigint) AS counted;

-- name: how_many_of_pairs
SELECT count(*) FROM (
    SELECT 1 FROM {pairs} JOIN jobs ON jobs.state = pairs.state AND jobs.queue = pairs.queue
    WHERE number > :above::bigint AND number < :below::bigint LIMIT :limit::bigint) AS counted;

-- name: matching_jobs
SELECT number FROM jobs WHERE number > :above::bigint AND number < :below::bigint AND {matching} ORDER BY number DESC;

-- name: matching_jobs_of_pairs
SELECT number FROM (
    SELECT jobs.* FROM {pairs} JOIN jobs ON jobs.state = pairs.state AND jobs.queue = pairs.queue
    WHERE number > :above::bigint AND number < :below::bigint) AS jobs
WHERE {matching} ORDER BY number DESC;

-- name: jobs_numbered
SELECT {job_columns} FROM {wanted} JOIN jobs ON number = wanted_number ORDER BY place;

-- What is empty in the column that is sorted by comes last, either way.

-- name: sorted_down
SELECT number FROM (
    SELECT jobs.* FROM {pairs} JOIN jobs ON jobs.state = pairs.state AND jobs.queue = pairs.queue) AS jobs
WHERE {matching}
ORDER BY {sort_number} DESC NULLS LAST, {sort_text} DESC, number DESC LIMIT :limit::bigint;

-- name: sorted_up
SELECT number FROM (
    SELECT jobs.* FROM {pairs} JOIN jobs ON jobs.state = pairs.state AND jobs.queue = pairs.queue) AS jobs
WHERE {matching}
ORDER BY {sort_number} ASC NULLS LAST, {sort_text}, number LIMIT :limit::bigint;

-- name: numbers_sorted_down
SELECT number FROM {wanted} JOIN jobs ON number = wanted_number
ORDER BY {sort_number} DESC NULLS LAST, {sort_text} DESC, number DESC;

-- name: numbers_sorted_up
SELECT number FROM {wanted} JOIN jobs ON number = wanted_number
ORDER BY {sort_number} ASC NULLS LAST, {sort_text}, number;

-- name: deaths_down
SELECT finished_at, number FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
    AND (finished_at, number) < (:finished_below::bigint, :number_below::bigint)
ORDER BY finished_at DESC, number DESC LIMIT :limit::bigint;

-- name: deaths_after
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
        AND finished_at > :instant::bigint
    LIMIT :limit::bigint) AS counted;

-- name: deaths_up
SELECT finished_at, number FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
    AND (finished_at, number) > (:finished_above::bigint, :number_above::bigint)
    AND finished_at <= :finished_until::bigint
ORDER BY finished_at, number LIMIT :limit::bigint;

-- name: ends_of
SELECT substr({command_text}, 1, 200), error, exit_code, signal, finished_at, number
FROM {wanted} JOIN jobs ON number = wanted_number;

-- ------------------------------------------------------------------ undoing

-- name: put_back
UPDATE jobs SET state = :state, ready = CASE WHEN :state::text IN ('pending', 'failed')
        THEN (:due::bigint <= :now)::integer END,
    due = :due::bigint, priority = :priority::integer, attempts = :attempts::integer, started_at = :started_at::bigint,
    finished_at = :finished_at::bigint, exit_code = :exit_code::integer, signal = :signal::integer,
    error = :error::text, worker = :worker::text, updated_at = :updated_at::bigint
WHERE number = :number::bigint AND token IS NULL
RETURNING {job_columns};

-- ------------------------------------------------------------------ moving

-- name: sizes_after
SELECT number, runs, octet_length(command) + coalesce(octet_length(env), 0)
    + (SELECT coalesce(sum(octet_length(output)), 0)::bigint FROM tails WHERE job = number)
FROM jobs WHERE number > :after::bigint AND number <= :last::bigint ORDER BY number LIMIT :limit::bigint;

-- name: jobs_between
SELECT {job_columns} FROM jobs WHERE number BETWEEN :first::bigint AND :last::bigint ORDER BY number;

-- name: runs_between
SELECT job, {run_columns} FROM runs WHERE job BETWEEN :first::bigint AND :last::bigint ORDER BY job, attempt;

-- name: tails_between
SELECT job, attempt, output FROM tails WHERE job BETWEEN :first::bigint AND :last::bigint ORDER BY job, attempt;

-- name: any_job
SELECT number FROM jobs LIMIT 1;

-- A sequence is always there.
-- name: begin_numbers
SELECT 1;

-- name: reserve_numbers
SELECT setval('job_numbers', greatest(:last::bigint, last_value)) FROM job_numbers
WHERE :last::bigint > CASE WHEN is_called THEN last_value ELSE 0 END;

-- name: taken_numbers
SELECT number FROM jobs WHERE number BETWEEN :first::bigint AND :last::bigint LIMIT 1;

-- name: bring_jobs
INSERT INTO jobs (number, name, command, argv, state, queue, priority, attempts, max_retries, due, ready, timeout_ms,
                  cwd, env, created_at, updated_at, started_at, finished_at, exit_code, signal, error, worker, runs)
SELECT number, name, command, argv, state, queue, priority, attempts, max_retries, due, ready::integer, timeout_ms,
    cwd, env, created_at, updated_at, started_at, finished_at, exit_code, signal, error, worker, runs
FROM json_to_recordset(:rows::json) AS r (number bigint, name text, command text, argv smallint, state text, queue text,
    priority integer, attempts integer, max_retries integer, due bigint, ready boolean, timeout_ms bigint, cwd text,
    env text, created_at bigint, updated_at bigint, started_at bigint, finished_at bigint, exit_code integer,
    signal integer, error text, worker text, runs integer);

-- name: bring_runs
INSERT INTO runs (job, attempt, token, worker, started_at, finished_at, outcome, exit_code, signal, error, duration_ms,
                  output_bytes)
SELECT job, attempt, token, worker, started_at, finished_at, outcome, exit_code, signal, error, duration_ms,
    output_bytes
FROM json_to_recordset(:rows::json) AS r (job bigint, attempt integer, token text, worker text, started_at bigint,
    finished_at bigint, outcome text, exit_code integer, signal integer, error text, duration_ms bigint,
    output_bytes bigint);

-- name: bring_tails
INSERT INTO tails (job, attempt, output) SELECT job, attempt, decode(output, 'base64')
FROM json_to_recordset(:rows::json) AS r (job bigint, attempt integer, output text);

-- name: open_all_but
UPDATE queues SET paused = 0 WHERE paused = 1 AND name NOT IN (SELECT json_array_elements_text(:kept::json))
RETURNING name;

-- name: discard_jobs
DELETE FROM jobs WHERE number IN (
    SELECT number FROM jobs WHERE number <= :last::bigint ORDER BY number LIMIT :limit::bigint)
RETURNING number;

-- ------------------------------------------------------------------ the server

-- name: server_facts
SELECT current_setting('server_version'), current_setting('server_version_num')::integer, current_user::text,
    pg_is_in_recovery(), current_setting('autovacuum') = 'on' AND current_setting('track_counts') = 'on',
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
        - coalesce(current_setting('reserved_connections', true)::integer, 0),
    (SELECT sum(numbackends)::integer FROM pg_stat_database),
    (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = :schema),
    current_setting('default_transaction_read_only') = 'on', current_setting('fsync') = 'on';

-- What is in the schema, and what the role may do with it.
-- name: server_tables
SELECT relname::text, relkind::text,
    CASE relkind WHEN 'S' THEN concat_ws(' ', CASE WHEN has_sequence_privilege(pg_class.oid, 'SELECT') THEN 'SELECT' END,
        CASE WHEN has_sequence_privilege(pg_class.oid, 'USAGE') THEN 'USAGE' END,
        CASE WHEN has_sequence_privilege(pg_class.oid, 'UPDATE') THEN 'UPDATE' END)
    ELSE concat_ws(' ', CASE WHEN has_table_privilege(pg_class.oid, 'SELECT') THEN 'SELECT' END,
        CASE WHEN has_table_privilege(pg_class.oid, 'INSERT') THEN 'INSERT' END,
        CASE WHEN has_table_privilege(pg_class.oid, 'UPDATE') THEN 'UPDATE' END,
        CASE WHEN has_table_privilege(pg_class.oid, 'DELETE') THEN 'DELETE' END) END,
    coalesce('autovacuum_enabled=false' = ANY (reloptions) OR 'autovacuum_enabled=off' = ANY (reloptions), false),
    pg_stat_get_live_tuples(pg_class.oid), pg_stat_get_dead_tuples(pg_class.oid)
FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :schema)
ORDER BY relname;

-- Who keeps rows from being collected that are garbage since more than so many seconds: sessions, transactions that were
-- prepared and left, and slots that nobody reads from.
-- name: server_holders
SELECT format('pid %s (%s)', pid, coalesce(nullif(application_name, ''), usename::text)),
    extract(epoch FROM clock_timestamp() - xact_start)::bigint
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL OR state LIKE 'idle in transaction%')
    AND xact_start < clock_timestamp() - make_interval(secs => :seconds::double precision)
UNION ALL
SELECT format('the prepared transaction %s', gid), extract(epoch FROM clock_timestamp() - prepared)::bigint
FROM pg_prepared_xacts WHERE database = current_database()
    AND prepared < clock_timestamp() - make_interval(secs => :seconds::double precision)
UNION ALL
SELECT format('the replication slot %s, from which nobody reads', slot_name), NULL
FROM pg_replication_slots WHERE NOT active AND (xmin IS NOT NULL OR catalog_xmin IS NOT NULL)
ORDER BY 2 DESC NULLS LAST, 1;

-- How many sessions of this database do not show us what they do.
-- name: server_hidden
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query = '<insufficient privilege>';
