-- Every statement of the SQLite stores. `:now` is bound by the store. Literals, not parameters, where
-- a partial index must match. Rows of a RETURNING come in no particular order.

-- fragment: job_columns
number, name, command, argv, state, queue, priority, attempts, max_retries, due, timeout_ms, cwd, env,
created_at, updated_at, started_at, finished_at, exit_code, signal, error, worker, runs, cancelling

-- fragment: run_columns
attempt, outcome, exit_code, signal, error, started_at, finished_at, duration_ms, worker, output_bytes

-- fragment: matching
    -- What a filter asks for beyond states and queues, as `model/filters.py` means it. NULL asks for nothing.
    -- The first word stands by itself: a list is read anew for each row.
    (:ids IS NULL OR EXISTS (
        SELECT 1 FROM json_each(:ids) AS id WHERE substr(coalesce(name, number), 1, length(id.value)) = id.value))
    AND (:older_ms IS NULL OR :now - created_at >= :older_ms)
    AND (:newer_ms IS NULL OR :now - created_at < :newer_ms)
    AND (:exits IS NULL OR exit_code IN (SELECT value FROM json_each(:exits, '$.codes'))
        OR signal IN (SELECT value FROM json_each(:exits, '$.signals'))
        OR (signal IS NOT NULL AND json_extract(:exits, '$.any_signal'))
        OR EXISTS (SELECT 1 FROM json_each(:exits, '$.errors') AS word WHERE instr(lower(error), word.value)))
    AND (:command IS NULL OR instr(lower({command_text}), :command))
    AND (:commands IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(:commands) AS word WHERE NOT instr(lower({command_text}), word.value)))
    AND (:word IS NULL OR instr({searched_text}, :word))
    AND (:words IS NULL OR NOT EXISTS (
        SELECT 1 FROM json_each(:words) AS word WHERE NOT instr({searched_text}, word.value)))

-- fragment: sort_key
    CASE :column WHEN 'id' THEN coalesce(name, number)
        WHEN 'state' THEN instr('pending processing completed failed dead cancelled', state)
        WHEN 'queue' THEN queue WHEN 'priority' THEN priority WHEN 'tries' THEN attempts WHEN 'age' THEN created_at
        WHEN 'due' THEN iif(ready IS NULL, NULL, due) WHEN 'ended' THEN finished_at
        WHEN 'command' THEN {command_text} WHEN 'exit' THEN coalesce(exit_code, 1000 + signal) END

-- fragment: searched_text
lower(coalesce(name, number) || char(31) || {command_text} || char(31) || queue || char(31) || coalesce(error, ''))

-- fragment: command_text
iif(argv, (SELECT group_concat(value, ' ') FROM json_each(command)), command)

-- fragment: merged_down
    -- The jobs of several pairs of state and queue in one order. The recursion's ORDER BY makes its queue a priority
    -- queue that holds the head of each pair: one seek a pair, and one a row.
    WITH RECURSIVE heads (number, state, queue) AS (
        SELECT * FROM (
            SELECT (SELECT max(number) FROM jobs WHERE state = json_extract(pair.value, '$[0]')
                    AND queue = json_extract(pair.value, '$[1]') AND number > :above AND number < :below),
                json_extract(pair.value, '$[0]'), json_extract(pair.value, '$[1]')
            FROM json_each(:pairs) AS pair)
        UNION ALL
        SELECT (SELECT max(number) FROM jobs WHERE state = heads.state AND queue = heads.queue
                AND number > :above AND number < heads.number), state, queue
        FROM heads WHERE number IS NOT NULL
        ORDER BY 1 DESC NULLS LAST LIMIT :limit OFFSET :skip)

-- fragment: merged_up
    WITH RECURSIVE heads (number, state, queue) AS (
        SELECT * FROM (
            SELECT (SELECT min(number) FROM jobs WHERE state = json_extract(pair.value, '$[0]')
                    AND queue = json_extract(pair.value, '$[1]') AND number > :above AND number < :below),
                json_extract(pair.value, '$[0]'), json_extract(pair.value, '$[1]')
            FROM json_each(:pairs) AS pair)
        UNION ALL
        SELECT (SELECT min(number) FROM jobs WHERE state = heads.state AND queue = heads.queue
                AND number > heads.number AND number < :below), state, queue
        FROM heads WHERE number IS NOT NULL
        ORDER BY 1 ASC NULLS LAST LIMIT :limit OFFSET :skip)

-- name: now
SELECT :now;

-- ------------------------------------------------------------------ jobs

-- name: insert_job
INSERT INTO jobs (name, command, argv, state, queue, priority, max_retries, due, ready, timeout_ms, cwd, env,
                  created_at, updated_at)
VALUES (:name, :command, :argv, 'pending', :queue, :priority, :max_retries, coalesce(:due, :now + :delay_ms),
        coalesce(:due, :now + :delay_ms) <= :now, :timeout_ms, :cwd, :env, :now, :now)
ON CONFLICT (name) WHERE name IS NOT NULL DO NOTHING
RETURNING {job_columns};

-- name: insert_jobs
INSERT INTO jobs (number, name, command, argv, state, queue, priority, max_retries, due, ready, timeout_ms, cwd, env,
                  created_at, updated_at)
VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- Numbers for new jobs, as the first and how many.
-- name: new_numbers
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0) + 1, :n;

-- name: last_number
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'jobs'), 0);

-- name: taken_names
SELECT name FROM jobs WHERE name IN (SELECT value FROM json_each(:names));

-- name: add_queue
INSERT INTO queues (name) VALUES (:queue) ON CONFLICT (name) DO NOTHING;

-- name: add_count
INSERT INTO tallies (minute, queue, measure, n) VALUES (2147483647, :queue, 'pending', :n)
ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET n = n + excluded.n;

-- name: job_by_number
SELECT {job_columns} FROM jobs WHERE number = :number;

-- name: job_by_name
SELECT {job_columns} FROM jobs WHERE name = :name;

-- name: newest_jobs
SELECT {job_columns} FROM jobs WHERE number < :before ORDER BY number DESC LIMIT :limit;

-- name: newest_jobs_of
SELECT {job_columns} FROM jobs WHERE state = :state AND queue = :queue AND number < :before
ORDER BY number DESC LIMIT :limit;

-- name: history
SELECT {run_columns} FROM runs WHERE job = :number ORDER BY attempt;

-- name: tail
SELECT output FROM tails WHERE job = :number AND attempt = :attempt;

-- name: stored_output
SELECT NULL, outcome, output_bytes, output
FROM runs LEFT JOIN tails ON tails.job = runs.job AND tails.attempt = runs.attempt
WHERE runs.job = :number AND runs.attempt = :attempt;

-- name: ids_starting_with
SELECT name FROM jobs WHERE name >= :prefix AND name < :beyond ORDER BY name LIMIT :limit;

-- name: cancel_waiting
UPDATE jobs SET state = 'cancelled', ready = NULL, finished_at = :now, updated_at = :now
WHERE number = :number AND state IN ('pending', 'failed')
RETURNING {job_columns};

-- name: ask_to_cancel
UPDATE jobs SET cancelling = 1, updated_at = :now WHERE number = :number AND state = 'processing'
RETURNING {job_columns};

-- name: retry_ended
UPDATE jobs SET state = 'pending', ready = 1, due = :now, attempts = 0, exit_code = NULL, signal = NULL,
    error = NULL, started_at = NULL, finished_at = NULL, worker = NULL, updated_at = :now
WHERE number = :number AND state IN ('completed', 'dead', 'cancelled')
RETURNING {job_columns};

-- name: delete_ended
DELETE FROM jobs WHERE number = :number AND state IN ('completed', 'dead', 'cancelled')
RETURNING number, runs;

-- name: edit_job
UPDATE jobs SET
    command = coalesce(:command, command),
    argv = coalesce(:argv, argv),
    queue = coalesce(:queue, queue),
    priority = coalesce(:priority, priority),
    max_retries = coalesce(:max_retries, max_retries),
    timeout_ms = iif(:no_timeout, NULL, coalesce(:timeout_ms, timeout_ms)),
    due = coalesce(:due, :now + :delay_ms, due),
    ready = iif(ready IS NULL OR coalesce(:due, :delay_ms) IS NULL, ready, coalesce(:due, :now + :delay_ms) <= :now),
    cwd = coalesce(:cwd, cwd),
    env = coalesce(:env, env),
    updated_at = :now
WHERE number = :number AND state IN ('pending', 'failed', 'dead')
RETURNING {job_columns};

-- name: count_ended_before
SELECT count(*) FROM jobs
WHERE state = :state AND queue = :queue AND finished_at IS NOT NULL AND finished_at <= :now - :age_ms;

-- name: forget_ended
DELETE FROM jobs WHERE number IN (
    SELECT number FROM jobs
    WHERE state = :state AND queue = :queue AND finished_at IS NOT NULL AND finished_at <= :now - :age_ms
    ORDER BY finished_at LIMIT :limit)
RETURNING number, runs;

-- ------------------------------------------------------------------ claims

-- name: promote_due
UPDATE jobs SET ready = 1 WHERE number IN (
    SELECT number FROM jobs WHERE ready = 0 AND due <= :now ORDER BY due LIMIT 1000);

-- The open queues by the best job of each, the best of them first: one seek a queue, however long they are. Whatever
-- the best `:wanted` jobs are, they are in these queues.
-- name: best_queues
WITH open AS (
    SELECT queue FROM counts WHERE state IN ('pending', 'failed') AND n > 0
        AND (:queues IS NULL OR queue IN (SELECT value FROM json_each(:queues)))
        AND queue NOT IN (SELECT name FROM queues WHERE paused = 1)
    GROUP BY queue)
SELECT open.queue, :wanted FROM open CROSS JOIN jobs ON number = (
    SELECT number FROM jobs WHERE ready = 1 AND jobs.queue = open.queue ORDER BY priority DESC, due, number LIMIT 1)
ORDER BY priority DESC, due, number LIMIT :wanted;

-- name: ready_jobs
SELECT {job_columns} FROM jobs WHERE ready = 1 AND queue = :queue ORDER BY priority DESC, due, number LIMIT :wanted;

-- name: hold_jobs
UPDATE jobs SET state = 'processing', ready = NULL, attempts = attempts + 1, runs = runs + 1, token = :token,
    worker = :worker, started_at = :now, updated_at = :now, exit_code = NULL, signal = NULL, error = NULL
WHERE number = :number AND ready = 1;

-- name: insert_runs
INSERT INTO runs (job, attempt, token, worker, started_at)
VALUES (:number, :attempt, :token, :worker, :now);

-- name: next_due
SELECT min(due) - :now FROM jobs WHERE ready = 0;

-- name: now_and_version
SELECT :now, settings FROM versions WHERE only = 1;

-- name: fair_share
SELECT (SELECT coalesce(sum(n), 0) FROM counts WHERE state IN ('pending', 'failed')), (SELECT count(*) FROM workers);

-- name: held_jobs
SELECT token, {job_columns} FROM json_each(:runs) AS run CROSS JOIN jobs
WHERE number = run.value ->> 0 AND token = run.value ->> 1 AND state = 'processing';

-- What ends a run of a job is in three statements, each touching what it must: an index costs for each column
-- that is set, whether it changes or not. All are fenced by the token.

-- name: end_jobs
UPDATE jobs SET state = :state, token = NULL, cancelling = 0, attempts = attempts + :charge, started_at = :began_at,
    finished_at = :ended_at, exit_code = :exit_code, signal = :signal, error = :error, updated_at = :now
WHERE number = :number AND token = :token AND state = 'processing';

-- name: put_off_jobs
UPDATE jobs SET state = 'failed', token = NULL, ready = :delay_ms <= 0, due = :now + :delay_ms,
    started_at = :began_at, exit_code = :exit_code, signal = :signal, error = :error, updated_at = :now
WHERE number = :number AND token = :token AND state = 'processing';

-- name: release_jobs
UPDATE jobs SET state = 'pending', token = NULL, ready = 1, attempts = attempts + :charge,
    started_at = :began_at, exit_code = :exit_code, signal = :signal, error = :error, updated_at = :now
WHERE number = :number AND token = :token AND state = 'processing';

-- name: end_runs
UPDATE runs SET outcome = :outcome, started_at = :began_at, finished_at = :ended_at, exit_code = :exit_code,
    signal = :signal, error = :error, duration_ms = coalesce(:duration_ms, max(0, :ended_at - :began_at)),
    output_bytes = :output_bytes
WHERE job = :number AND attempt = :attempt AND token = :token;

-- A claim that came to nothing leaves no trace: its run never started.

-- name: unclaim_job
UPDATE jobs SET state = iif(cancelling, 'cancelled', 'pending'), ready = iif(cancelling, NULL, 1), token = NULL,
    finished_at = iif(cancelling, :now, NULL), cancelling = 0, attempts = attempts - 1, runs = runs - 1,
    started_at = iif(runs = 1, NULL, started_at), updated_at = :now
WHERE number = :number AND token = :token AND state = 'processing'
RETURNING queue, state;

-- name: unclaim_run
DELETE FROM runs WHERE job = :number AND attempt = :attempt AND token = :token;

-- name: insert_tails
INSERT INTO tails (job, attempt, output) VALUES (:number, :attempt, :output)
ON CONFLICT (job, attempt) DO UPDATE SET output = excluded.output;

-- name: cancel_wanted
SELECT cancelling FROM jobs WHERE number = :number AND token = :token;

-- name: token_of_run
SELECT token FROM runs WHERE job = :number AND attempt = :attempt;

-- name: processing_jobs
SELECT token, {job_columns} FROM jobs WHERE state = 'processing' ORDER BY number;

-- ------------------------------------------------------------------ statistics
-- `counts`, `minutes` and `histograms` are views of `tallies`, where the minute 2147483647 stands for now.

-- name: move_counts
INSERT INTO tallies (minute, queue, measure, n) VALUES (2147483647, ?, ?, ?)
ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET n = n + excluded.n;

-- name: note_minutes
INSERT INTO tallies (minute, queue, measure, ended, completed, failed, timed_out, cancelled, released, lost,
                     duration_ms, duration_max_ms, waiting_ms)
VALUES (:minute, :queue, '', :ended, :completed, :failed, :timed_out, :cancelled, :released, :lost,
        :duration_ms, :duration_max_ms, :waiting_ms)
ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET
    ended = ended + excluded.ended, completed = completed + excluded.completed, failed = failed + excluded.failed,
    timed_out = timed_out + excluded.timed_out, cancelled = cancelled + excluded.cancelled,
    released = released + excluded.released, lost = lost + excluded.lost,
    duration_ms = duration_ms + excluded.duration_ms,
    duration_max_ms = max(duration_max_ms, excluded.duration_max_ms), waiting_ms = waiting_ms + excluded.waiting_ms;

-- name: note_buckets
INSERT INTO tallies (minute, queue, measure, bucket, n) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET n = n + excluded.n;

-- name: note_depth
INSERT INTO tallies (minute, queue, measure, ended, completed, failed, timed_out, cancelled, released, lost,
                     duration_ms, duration_max_ms, waiting_ms, depth)
SELECT :now / 60000, queue, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(n)
FROM counts WHERE state IN ('pending', 'failed') GROUP BY queue HAVING sum(n) > 0
ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET depth = excluded.depth;

-- name: counts
SELECT queue, state, n FROM counts WHERE n <> 0 ORDER BY queue, state;

-- name: queues_holding
SELECT queue FROM counts WHERE state = :state AND n > 0 ORDER BY queue;

-- name: counted_again
SELECT queue, state, count(*) FROM jobs GROUP BY queue, state ORDER BY queue, state;

-- name: recount_clear
DELETE FROM tallies WHERE minute = 2147483647;

-- name: recount
INSERT INTO tallies (minute, queue, measure, n)
SELECT 2147483647, queue, state, count(*) FROM jobs GROUP BY queue, state;

-- name: minutes_since
SELECT minute, queue, ended, completed, failed, timed_out, cancelled, released, lost, duration_ms, duration_max_ms,
    waiting_ms, depth
FROM minutes WHERE minute > :now / 60000 - :minutes ORDER BY minute, queue;

-- name: buckets_since
SELECT minute, queue, measure, bucket, n FROM histograms WHERE minute > :now / 60000 - :minutes
ORDER BY minute, queue, measure, bucket;

-- name: buckets_by_step
SELECT :first + (minute - :first) / :step * :step, measure, bucket, sum(n) FROM histograms
WHERE minute >= :first AND (:queue IS NULL OR queue = :queue) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: minute_totals
SELECT minute, sum(ended) FROM minutes WHERE minute > :now / 60000 - :minutes GROUP BY minute;

-- name: outcome_totals
SELECT coalesce(sum(completed), 0), coalesce(sum(failed), 0), coalesce(sum(timed_out), 0), coalesce(sum(lost), 0),
    coalesce(sum(duration_ms), 0), coalesce(max(duration_max_ms), 0)
FROM minutes WHERE minute > :now / 60000 - :minutes;

-- name: duration_totals
SELECT bucket, sum(n) FROM histograms WHERE minute > :now / 60000 - :minutes AND measure = 'duration' GROUP BY bucket;

-- name: oldest_upcoming
SELECT :now - min(due) FROM jobs WHERE ready = 0 AND due <= :now;

-- name: put_off_ahead
SELECT count(*), max(updated_at) - :now, min(number) FROM jobs WHERE ready = 0 AND updated_at > :now + :slack_ms;

-- The oldest due instant of a queue: one seek for each priority in it.
-- name: oldest_ready
WITH RECURSIVE steps (priority) AS (
    SELECT max(priority) FROM jobs WHERE ready = 1 AND queue = :queue
    UNION ALL
    SELECT (SELECT max(priority) FROM jobs WHERE ready = 1 AND queue = :queue AND priority < steps.priority)
    FROM steps WHERE steps.priority IS NOT NULL)
SELECT :now - min((SELECT min(due) FROM jobs WHERE ready = 1 AND queue = :queue AND priority = steps.priority))
FROM steps WHERE priority IS NOT NULL;

-- name: forget_minutes
DELETE FROM tallies WHERE measure = '' AND minute < :now / 60000 - :minutes;

-- name: forget_buckets
DELETE FROM tallies WHERE measure <> '' AND minute < :now / 60000 - :minutes;

-- ------------------------------------------------------------------ dead letters

-- name: dead_letters
SELECT {job_columns} FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
    AND (finished_at, number) < (:finished_before, :number_before)
ORDER BY finished_at DESC, number DESC LIMIT :limit;

-- name: causes
SELECT error, exit_code, signal, count(*), min(finished_at), max(finished_at), max(number)
FROM jobs WHERE state = 'dead' AND (:queue IS NULL OR queue = :queue)
GROUP BY error, exit_code, signal ORDER BY count(*) DESC, error;

-- name: retry_dead
UPDATE jobs SET state = 'pending', ready = 1, due = :now, attempts = 0, exit_code = NULL, signal = NULL,
    error = NULL, started_at = NULL, finished_at = NULL, worker = NULL, updated_at = :now
WHERE number IN (
    SELECT number FROM jobs
    WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL AND finished_at <= :finished_until
    ORDER BY finished_at LIMIT :limit)
RETURNING number, coalesce(name, number);

-- ------------------------------------------------------------------ queues

-- name: queues
SELECT name, paused FROM queues ORDER BY name;

-- name: set_paused
INSERT INTO queues (name, paused) VALUES (:queue, :paused) ON CONFLICT (name) DO UPDATE SET paused = excluded.paused;

-- name: forget_queues
DELETE FROM queues WHERE paused = 0 AND NOT EXISTS (SELECT 1 FROM counts WHERE counts.queue = name AND n <> 0);

-- name: forget_counts
DELETE FROM tallies WHERE minute = 2147483647 AND n = 0;

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
UPDATE versions SET settings = settings + 1 WHERE only = 1 RETURNING settings;

-- ------------------------------------------------------------------ pools and workers

-- name: insert_pool
INSERT INTO pools (id, host, pid, started_at, wanted) VALUES (:pool, :host, :pid, :now, :wanted)
ON CONFLICT (id) DO NOTHING;

-- name: delete_pool
DELETE FROM pools WHERE id = :pool;

-- name: pools
SELECT id, host, pid, started_at, wanted, orders, '', 0 FROM pools ORDER BY started_at, id;

-- name: pool_orders
SELECT wanted, orders FROM pools WHERE id = :pool;

-- name: order_pool
UPDATE pools SET orders = :orders WHERE id = :pool AND orders <> 'stop' RETURNING id;

-- name: scale_pool
UPDATE pools SET wanted = :wanted WHERE id = :pool RETURNING id;

-- name: insert_worker
INSERT INTO workers (id, pool, host, pid, started_at, idle_since, queues, settings_version)
VALUES (:worker, :pool, :host, :pid, :now, :now, :queues, :settings_version);

-- name: worker_idle
UPDATE workers SET idle_since = :now WHERE id = :worker;

-- name: worker_draining
UPDATE workers SET draining = 1 WHERE id = :worker;

-- name: worker_took_settings
UPDATE workers SET settings_version = :settings_version WHERE id = :worker;

-- name: delete_worker
DELETE FROM workers WHERE id = :worker;

-- name: workers
SELECT id, pool, host, pid, started_at, idle_since, queues, draining, settings_version, '', 0 FROM workers
ORDER BY started_at, id;

-- ------------------------------------------------------------------ browsing

-- Numbers strictly between `:above` and `:below`, downwards and upwards: of all jobs, of one pair of state and queue,
-- of several. Each walk is along one index.

-- name: numbers_down
SELECT number FROM jobs WHERE number > :above AND number < :below ORDER BY number DESC LIMIT :limit OFFSET :skip;

-- name: numbers_up
SELECT number FROM jobs WHERE number > :above AND number < :below ORDER BY number LIMIT :limit OFFSET :skip;

-- name: numbers_of_pair_down
SELECT number FROM jobs WHERE state = :state AND queue = :queue AND number > :above AND number < :below
ORDER BY number DESC LIMIT :limit OFFSET :skip;

-- name: numbers_of_pair_up
SELECT number FROM jobs WHERE state = :state AND queue = :queue AND number > :above AND number < :below
ORDER BY number LIMIT :limit OFFSET :skip;

-- name: numbers_of_pairs_down
{merged_down} SELECT number FROM heads WHERE number IS NOT NULL;

-- name: numbers_of_pairs_up
{merged_up} SELECT number FROM heads WHERE number IS NOT NULL;

-- name: how_many
SELECT count(*) FROM (SELECT 1 FROM jobs WHERE number > :above AND number < :below LIMIT :limit);

-- name: how_many_of_pair
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE state = :state AND queue = :queue AND number > :above AND number < :below LIMIT :limit);

-- name: how_many_of_pairs
SELECT count(*) FROM (
    SELECT 1 FROM json_each(:pairs) AS pair CROSS JOIN jobs
        ON state = json_extract(pair.value, '$[0]') AND jobs.queue = json_extract(pair.value, '$[1]')
    WHERE number > :above AND number < :below LIMIT :limit);

-- name: matching_jobs
SELECT number FROM jobs WHERE number > :above AND number < :below AND {matching} ORDER BY number DESC;

-- name: matching_jobs_of_pairs
SELECT number FROM json_each(:pairs) AS pair CROSS JOIN jobs
    ON state = json_extract(pair.value, '$[0]') AND jobs.queue = json_extract(pair.value, '$[1]')
WHERE number > :above AND number < :below AND {matching} ORDER BY number DESC;

-- name: jobs_numbered
SELECT {job_columns} FROM json_each(:numbers) AS wanted CROSS JOIN jobs ON number = wanted.value ORDER BY wanted.key;

-- What is empty in the column that is sorted by comes last, either way.

-- name: sorted_down
SELECT number FROM json_each(:pairs) AS pair CROSS JOIN jobs
    ON state = json_extract(pair.value, '$[0]') AND jobs.queue = json_extract(pair.value, '$[1]')
WHERE {matching} ORDER BY {sort_key} DESC NULLS LAST, number DESC LIMIT :limit;

-- name: sorted_up
SELECT number FROM json_each(:pairs) AS pair CROSS JOIN jobs
    ON state = json_extract(pair.value, '$[0]') AND jobs.queue = json_extract(pair.value, '$[1]')
WHERE {matching} ORDER BY {sort_key} ASC NULLS LAST, number LIMIT :limit;

-- name: numbers_sorted_down
SELECT number FROM json_each(:numbers) AS wanted CROSS JOIN jobs ON number = wanted.value
ORDER BY {sort_key} DESC NULLS LAST, number DESC;

-- name: numbers_sorted_up
SELECT number FROM json_each(:numbers) AS wanted CROSS JOIN jobs ON number = wanted.value
ORDER BY {sort_key} ASC NULLS LAST, number;

-- name: deaths_down
SELECT finished_at, number FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
    AND (finished_at, number) < (:finished_below, :number_below)
ORDER BY finished_at DESC, number DESC LIMIT :limit;

-- name: deaths_after
SELECT count(*) FROM (
    SELECT 1 FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL AND finished_at > :instant
    LIMIT :limit);

-- name: deaths_up
SELECT finished_at, number FROM jobs WHERE state = 'dead' AND queue = :queue AND finished_at IS NOT NULL
    AND (finished_at, number) > (:finished_above, :number_above) AND finished_at <= :finished_until
ORDER BY finished_at, number LIMIT :limit;

-- name: ends_of
SELECT substr({command_text}, 1, 200), error, exit_code, signal, finished_at, number
FROM json_each(:numbers) AS wanted CROSS JOIN jobs ON number = wanted.value;

-- ------------------------------------------------------------------ undoing

-- name: put_back
UPDATE jobs SET state = :state, ready = iif(:state IN ('pending', 'failed'), :due <= :now, NULL), due = :due,
    priority = :priority, attempts = :attempts, started_at = :started_at, finished_at = :finished_at,
    exit_code = :exit_code, signal = :signal, error = :error, worker = :worker, updated_at = :updated_at
WHERE number = :number AND token IS NULL
RETURNING {job_columns};

-- ------------------------------------------------------------------ moving

-- name: sizes_after
SELECT number, runs, length(command) + coalesce(length(env), 0)
    + (SELECT coalesce(sum(length(output)), 0) FROM tails WHERE job = number)
FROM jobs WHERE number > :after AND number <= :last ORDER BY number LIMIT :limit;

-- name: jobs_between
SELECT {job_columns} FROM jobs WHERE number BETWEEN :first AND :last ORDER BY number;

-- name: runs_between
SELECT job, {run_columns} FROM runs WHERE job BETWEEN :first AND :last ORDER BY job, attempt;

-- name: tails_between
SELECT job, attempt, output FROM tails WHERE job BETWEEN :first AND :last ORDER BY job, attempt;

-- name: any_job
SELECT number FROM jobs LIMIT 1;

-- No job that comes by itself takes a number up to `:last` any more. SQLite keeps no row before the first job.

-- name: begin_numbers
INSERT INTO sqlite_sequence (name, seq)
SELECT 'jobs', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'jobs');

-- name: reserve_numbers
UPDATE sqlite_sequence SET seq = max(seq, :last) WHERE name = 'jobs';

-- name: taken_numbers
SELECT number FROM jobs WHERE number BETWEEN :first AND :last LIMIT 1;

-- name: bring_jobs
INSERT INTO jobs (number, name, command, argv, state, queue, priority, attempts, max_retries, due, ready, timeout_ms,
                  cwd, env, created_at, updated_at, started_at, finished_at, exit_code, signal, error, worker, runs)
VALUES (:number, :name, :command, :argv, :state, :queue, :priority, :attempts, :max_retries, :due, :ready, :timeout_ms,
        :cwd, :env, :created_at, :updated_at, :started_at, :finished_at, :exit_code, :signal, :error, :worker, :runs);

-- name: bring_runs
INSERT INTO runs (job, attempt, token, worker, started_at, finished_at, outcome, exit_code, signal, error, duration_ms,
                  output_bytes)
VALUES (:job, :attempt, :token, :worker, :started_at, :finished_at, :outcome, :exit_code, :signal, :error, :duration_ms,
        :output_bytes);

-- name: bring_tails
INSERT INTO tails (job, attempt, output) VALUES (:job, :attempt, :output);

-- name: open_all_but
UPDATE queues SET paused = 0 WHERE paused = 1 AND name NOT IN (SELECT value FROM json_each(:kept)) RETURNING name;

-- name: discard_jobs
DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE number <= :last ORDER BY number LIMIT :limit)
RETURNING number;
