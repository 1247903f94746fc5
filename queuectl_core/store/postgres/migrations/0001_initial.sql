-- The first schema; `{schema}` is where it is made. Instants are milliseconds since the Unix epoch, UTC, by the server's
-- clock. Text sorts by its bytes, as on SQLite and whatever the database's own order.
--
-- Rows of `jobs` and `runs` change a few times and are then left alone: pages keep room for that, and the garbage is
-- collected early, since a claim reads the part of the index where it piles up.

CREATE TABLE {schema}.jobs (
    number      BIGINT PRIMARY KEY,
    -- The id its owner chose; never all digits, so that it cannot be taken for a number.
    name        TEXT COLLATE "C" CHECK (name ~ '[^0-9]' AND length(name) BETWEEN 1 AND 128),
    -- Shell text, or a JSON array of text where argv = 1.
    command     TEXT COLLATE "C" NOT NULL CHECK (command <> ''),
    argv        SMALLINT NOT NULL DEFAULT 0 CHECK (argv IN (0, 1)),
    state       TEXT COLLATE "C" NOT NULL DEFAULT 'pending'
                CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'dead', 'cancelled')),
    queue       TEXT COLLATE "C" NOT NULL CHECK (length(queue) BETWEEN 1 AND 128),
    priority    INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1000 AND 1000),
    -- Runs charged since the last reset, the present one included.
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_retries INTEGER NOT NULL CHECK (max_retries >= 0),
    due         BIGINT NOT NULL,
    -- NULL unless the job waits; 0 until it is due, then 1. A claim seeks among the 1s alone.
    ready       SMALLINT CHECK (ready IN (0, 1)),
    timeout_ms  BIGINT CHECK (timeout_ms > 0),
    cwd         TEXT COLLATE "C" NOT NULL,
    env         TEXT COLLATE "C",
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    started_at  BIGINT,
    finished_at BIGINT,
    exit_code   INTEGER,
    signal      INTEGER,
    error       TEXT COLLATE "C",
    worker      TEXT COLLATE "C",
    -- Runs started in all; the number of the latest run.
    runs        INTEGER NOT NULL DEFAULT 0 CHECK (runs >= attempts),
    cancelling  SMALLINT NOT NULL DEFAULT 0 CHECK (cancelling IN (0, 1)),
    -- The fencing token of the run that holds the job.
    token       TEXT COLLATE "C",
    CHECK ((state IN ('pending', 'failed')) = (ready IS NOT NULL)),
    CHECK ((state = 'processing') = (token IS NOT NULL)),
    CHECK ((state IN ('completed', 'dead', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (attempts <= max_retries + 1 OR finished_at IS NOT NULL),
    CHECK (cancelling = 0 OR state = 'processing')
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
        autovacuum_analyze_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE SEQUENCE {schema}.job_numbers OWNED BY {schema}.jobs.number;
ALTER TABLE {schema}.jobs ALTER COLUMN number SET DEFAULT nextval('{schema}.job_numbers');

CREATE UNIQUE INDEX jobs_name ON {schema}.jobs (name) WHERE name IS NOT NULL;
CREATE INDEX jobs_ready ON {schema}.jobs (queue, priority DESC, due, number) WHERE ready = 1;
CREATE INDEX jobs_upcoming ON {schema}.jobs (due) WHERE ready = 0;
CREATE INDEX jobs_state ON {schema}.jobs (state, queue, number);
CREATE INDEX jobs_ended ON {schema}.jobs (state, queue, finished_at, number) WHERE finished_at IS NOT NULL;
-- The few jobs that run now: recovery looks for them each second, on every host.
CREATE INDEX jobs_held ON {schema}.jobs (number) WHERE token IS NOT NULL;

CREATE TABLE {schema}.runs (
    job          BIGINT NOT NULL REFERENCES {schema}.jobs (number) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL CHECK (attempt >= 1),
    token        TEXT COLLATE "C" NOT NULL,
    worker       TEXT COLLATE "C" NOT NULL,
    -- The machine and directory where it ran, and where its log is.
    place        TEXT COLLATE "C",
    started_at   BIGINT NOT NULL,
    finished_at  BIGINT,
    outcome      TEXT COLLATE "C"
                 CHECK (outcome IN ('completed', 'failed', 'timed_out', 'cancelled', 'released', 'lost')),
    exit_code    INTEGER,
    signal       INTEGER,
    error        TEXT COLLATE "C",
    duration_ms  BIGINT CHECK (duration_ms >= 0),
    output_bytes BIGINT,
    PRIMARY KEY (job, attempt),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK (outcome <> 'completed' OR exit_code = 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

-- The end of each run's output, apart, so that the history stays narrow; no row where there was none.
CREATE TABLE {schema}.tails (
    job     BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    output  BYTEA NOT NULL,
    PRIMARY KEY (job, attempt),
    FOREIGN KEY (job, attempt) REFERENCES {schema}.runs (job, attempt) ON DELETE CASCADE
);

CREATE TABLE {schema}.queues (
    name   TEXT COLLATE "C" PRIMARY KEY,
    paused SMALLINT NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
);

-- Counts and roll-ups are kept in pairs of tables: whoever changes a number adds a row to the first, which nobody else
-- waits for; pools fold these rows into the second each second. The views add both up, from one snapshot.

CREATE TABLE {schema}.count_notes (
    queue TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    n     BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE {schema}.count_sums (
    queue TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    n     BIGINT NOT NULL,
    PRIMARY KEY (queue, state)
) WITH (fillfactor = 50);

CREATE VIEW {schema}.counts AS
SELECT queue, state, sum(n)::bigint AS n FROM (
    SELECT queue, state, n FROM {schema}.count_sums
    UNION ALL SELECT queue, state, n FROM {schema}.count_notes) AS noted
GROUP BY queue, state;

CREATE FUNCTION {schema}.note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.count_notes (queue, state, n)
    VALUES (OLD.queue, OLD.state, -1), (NEW.queue, NEW.state, 1);
    RETURN NULL;
END $$;

-- Moves into and out of `processing` are counted by the transactions that make them, once for all of a transaction.
CREATE TRIGGER jobs_moved AFTER UPDATE OF state, queue ON {schema}.jobs FOR EACH ROW
WHEN ((OLD.state <> NEW.state OR OLD.queue <> NEW.queue) AND OLD.state <> 'processing' AND NEW.state <> 'processing')
EXECUTE FUNCTION {schema}.note_move();

CREATE FUNCTION {schema}.note_deletions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.count_notes (queue, state, n) SELECT queue, state, -count(*) FROM gone GROUP BY queue, state;
    RETURN NULL;
END $$;

CREATE TRIGGER jobs_deleted AFTER DELETE ON {schema}.jobs REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
EXECUTE FUNCTION {schema}.note_deletions();

-- What happened in each minute of each queue. `ended` counts jobs, the outcomes count runs; the
-- durations are of runs that completed, failed or timed out. `depth` is how many jobs waited.
CREATE TABLE {schema}.minute_sums (
    minute          BIGINT NOT NULL,
    queue           TEXT COLLATE "C" NOT NULL,
    ended           BIGINT NOT NULL DEFAULT 0,
    completed       BIGINT NOT NULL DEFAULT 0,
    failed          BIGINT NOT NULL DEFAULT 0,
    timed_out       BIGINT NOT NULL DEFAULT 0,
    cancelled       BIGINT NOT NULL DEFAULT 0,
    released        BIGINT NOT NULL DEFAULT 0,
    lost            BIGINT NOT NULL DEFAULT 0,
    duration_ms     BIGINT NOT NULL DEFAULT 0,
    duration_max_ms BIGINT NOT NULL DEFAULT 0,
    waiting_ms      BIGINT NOT NULL DEFAULT 0,
    depth           BIGINT,
    PRIMARY KEY (minute, queue)
) WITH (fillfactor = 50);

CREATE TABLE {schema}.minute_notes (LIKE {schema}.minute_sums INCLUDING DEFAULTS)
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE VIEW {schema}.minutes AS
SELECT minute, queue, sum(ended)::bigint AS ended, sum(completed)::bigint AS completed, sum(failed)::bigint AS failed,
    sum(timed_out)::bigint AS timed_out, sum(cancelled)::bigint AS cancelled, sum(released)::bigint AS released,
    sum(lost)::bigint AS lost, sum(duration_ms)::bigint AS duration_ms, max(duration_max_ms) AS duration_max_ms,
    sum(waiting_ms)::bigint AS waiting_ms, max(depth) AS depth
FROM (SELECT * FROM {schema}.minute_sums UNION ALL SELECT * FROM {schema}.minute_notes) AS noted
GROUP BY minute, queue;

-- Logarithmic histograms of the same runs: how long they took, how long their jobs had been due.
CREATE TABLE {schema}.bucket_sums (
    minute  BIGINT NOT NULL,
    queue   TEXT COLLATE "C" NOT NULL,
    measure TEXT COLLATE "C" NOT NULL CHECK (measure IN ('duration', 'waiting')),
    bucket  INTEGER NOT NULL,
    n       BIGINT NOT NULL,
    PRIMARY KEY (minute, queue, measure, bucket)
) WITH (fillfactor = 50);

CREATE TABLE {schema}.bucket_notes (LIKE {schema}.bucket_sums)
WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

CREATE VIEW {schema}.histograms AS
SELECT minute, queue, measure, bucket, sum(n)::bigint AS n FROM (
    SELECT * FROM {schema}.bucket_sums UNION ALL SELECT * FROM {schema}.bucket_notes) AS noted
GROUP BY minute, queue, measure, bucket;

CREATE TABLE {schema}.settings (
    key        TEXT COLLATE "C" PRIMARY KEY,
    value      TEXT COLLATE "C" NOT NULL,
    updated_at BIGINT NOT NULL
);

-- One row: counts the changes of settings, so that a worker can tell that there was one.
CREATE TABLE {schema}.versions (
    only_one SMALLINT PRIMARY KEY CHECK (only_one = 1),
    settings BIGINT NOT NULL
);
INSERT INTO {schema}.versions (only_one, settings) VALUES (1, 0);

-- Pools and workers change each few seconds, when they say that they are alive: no index but that of the key holds what
-- changes, so that a row is changed in its page.
CREATE TABLE {schema}.pools (
    id         TEXT COLLATE "C" PRIMARY KEY,
    host       TEXT COLLATE "C" NOT NULL,
    -- The home and boot where it lives: whose kernel can be asked whether it does.
    site       TEXT COLLATE "C" NOT NULL DEFAULT '',
    pid        BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    -- When it was last heard of, and for how long (ms) others rely on it from then on.
    seen_at    BIGINT NOT NULL,
    lease_ms   BIGINT NOT NULL,
    -- How many workers it should have.
    wanted     INTEGER NOT NULL CHECK (wanted >= 1),
    -- What it was asked: to go on, to finish what runs and leave, or to end what runs and leave.
    orders     TEXT COLLATE "C" NOT NULL DEFAULT 'run' CHECK (orders IN ('run', 'drain', 'stop'))
) WITH (fillfactor = 50);

CREATE TABLE {schema}.workers (
    id               TEXT COLLATE "C" PRIMARY KEY,
    pool             TEXT COLLATE "C" NOT NULL,
    host             TEXT COLLATE "C" NOT NULL,
    site             TEXT COLLATE "C" NOT NULL DEFAULT '',
    pid              BIGINT NOT NULL,
    started_at       BIGINT NOT NULL,
    seen_at          BIGINT NOT NULL,
    lease_ms         BIGINT NOT NULL,
    -- Since when it has been idle, where it is.
    idle_since       BIGINT NOT NULL,
    -- A JSON array of the queues it serves; NULL: all.
    queues           TEXT COLLATE "C",
    draining         SMALLINT NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
    -- The version of the settings it works by.
    settings_version BIGINT NOT NULL
) WITH (fillfactor = 50);

-- A key for each change that was committed, for those to whom the answer never came. Kept for some minutes.
CREATE TABLE {schema}.requests (
    key BYTEA PRIMARY KEY,
    at  BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
