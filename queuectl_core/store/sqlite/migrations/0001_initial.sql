-- The first schema. Instants are milliseconds since the Unix epoch, UTC.

CREATE TABLE jobs (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The id its owner chose; never all digits, so that it cannot be taken for a number.
    name        TEXT CHECK (name GLOB '*[^0-9]*' AND length(name) BETWEEN 1 AND 128),
    -- Shell text, or a JSON array of text where argv = 1.
    command     TEXT NOT NULL CHECK (command <> ''),
    argv        INTEGER NOT NULL DEFAULT 0 CHECK (argv IN (0, 1)),
    state       TEXT NOT NULL
                CHECK (state IN ('pending', 'processing', 'completed', 'failed', 'dead', 'cancelled')),
    queue       TEXT NOT NULL CHECK (length(queue) BETWEEN 1 AND 128),
    priority    INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN -1000 AND 1000),
    -- Runs charged since the last reset, the present one included.
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_retries INTEGER NOT NULL CHECK (max_retries >= 0),
    due         INTEGER NOT NULL,
    -- NULL unless the job waits; 0 until it is due, then 1. A claim seeks among the 1s alone.
    ready       INTEGER CHECK (ready IN (0, 1)),
    timeout_ms  INTEGER CHECK (timeout_ms > 0),
    cwd         TEXT NOT NULL,
    env         TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    exit_code   INTEGER,
    signal      INTEGER,
    error       TEXT,
    worker      TEXT,
    -- Runs started in all; the number of the latest run.
    runs        INTEGER NOT NULL DEFAULT 0 CHECK (runs >= attempts),
    cancelling  INTEGER NOT NULL DEFAULT 0 CHECK (cancelling IN (0, 1)),
    -- The fencing token of the run that holds the job.
    token       TEXT,
    CHECK ((state IN ('pending', 'failed')) = (ready IS NOT NULL)),
    CHECK ((state = 'processing') = (token IS NOT NULL)),
    CHECK ((state IN ('completed', 'dead', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (attempts <= max_retries + 1 OR finished_at IS NOT NULL),
    CHECK (cancelling = 0 OR state = 'processing')
) STRICT;

CREATE UNIQUE INDEX jobs_name ON jobs (name) WHERE name IS NOT NULL;
CREATE INDEX jobs_ready ON jobs (queue, priority DESC, due, number) WHERE ready = 1;
CREATE INDEX jobs_upcoming ON jobs (due) WHERE ready = 0;
CREATE INDEX jobs_state ON jobs (state, queue, number);
CREATE INDEX jobs_ended ON jobs (state, queue, finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE runs (
    job          INTEGER NOT NULL REFERENCES jobs (number) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL CHECK (attempt >= 1),
    token        TEXT NOT NULL,
    worker       TEXT NOT NULL,
    started_at   INTEGER NOT NULL,
    finished_at  INTEGER,
    outcome      TEXT
                 CHECK (outcome IN ('completed', 'failed', 'timed_out', 'cancelled', 'released', 'lost')),
    exit_code    INTEGER,
    signal       INTEGER,
    error        TEXT,
    duration_ms  INTEGER CHECK (duration_ms >= 0),
    output_bytes INTEGER,
    PRIMARY KEY (job, attempt),
    CHECK ((outcome IS NULL) = (finished_at IS NULL)),
    CHECK (outcome <> 'completed' OR exit_code = 0)
) STRICT, WITHOUT ROWID;

-- The end of each run's output, apart, so that the history stays narrow; no row where there was none.
CREATE TABLE tails (
    job     INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    output  BLOB NOT NULL,
    PRIMARY KEY (job, attempt),
    FOREIGN KEY (job, attempt) REFERENCES runs (job, attempt) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE queues (
    name   TEXT PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1))
) STRICT, WITHOUT ROWID;

-- How many jobs of each queue are in each state. Triggers follow moves and deletions; whoever inserts
-- jobs adds them, once a batch, since a trigger on insert halves the speed of bulk inserts.
CREATE TABLE counts (
    queue TEXT NOT NULL,
    state TEXT NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER jobs_moved AFTER UPDATE OF state, queue ON jobs
WHEN OLD.state <> NEW.state OR OLD.queue <> NEW.queue
BEGIN
    UPDATE counts SET n = n - 1 WHERE queue = OLD.queue AND state = OLD.state;
    INSERT INTO counts (queue, state, n) VALUES (NEW.queue, NEW.state, 1)
    ON CONFLICT (queue, state) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs
BEGIN
    UPDATE counts SET n = n - 1 WHERE queue = OLD.queue AND state = OLD.state;
END;

-- What happened in each minute of each queue. `ended` counts jobs, the outcomes count runs; the
-- durations are of runs that completed, failed or timed out. `depth` is how many jobs waited.
CREATE TABLE minutes (
    minute          INTEGER NOT NULL,
    queue           TEXT NOT NULL,
    ended           INTEGER NOT NULL DEFAULT 0,
    completed       INTEGER NOT NULL DEFAULT 0,
    failed          INTEGER NOT NULL DEFAULT 0,
    timed_out       INTEGER NOT NULL DEFAULT 0,
    cancelled       INTEGER NOT NULL DEFAULT 0,
    released        INTEGER NOT NULL DEFAULT 0,
    lost            INTEGER NOT NULL DEFAULT 0,
    duration_ms     INTEGER NOT NULL DEFAULT 0,
    duration_max_ms INTEGER NOT NULL DEFAULT 0,
    waiting_ms      INTEGER NOT NULL DEFAULT 0,
    depth           INTEGER,
    PRIMARY KEY (minute, queue)
) STRICT, WITHOUT ROWID;

-- Logarithmic histograms of the same runs: how long they took, how long their jobs had been due.
CREATE TABLE histograms (
    minute  INTEGER NOT NULL,
    queue   TEXT NOT NULL,
    measure TEXT NOT NULL CHECK (measure IN ('duration', 'waiting')),
    bucket  INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    PRIMARY KEY (minute, queue, measure, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: counts the changes of settings, so that a worker can tell that there was one.
CREATE TABLE versions (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    settings INTEGER NOT NULL
) STRICT;
INSERT INTO versions (only, settings) VALUES (1, 0);

CREATE TABLE pools (
    id         TEXT PRIMARY KEY,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    -- How many workers it should have.
    wanted     INTEGER NOT NULL CHECK (wanted >= 1),
    -- What it was asked: to go on, to finish what runs and leave, or to end what runs and leave.
    orders     TEXT NOT NULL DEFAULT 'run' CHECK (orders IN ('run', 'drain', 'stop'))
) STRICT, WITHOUT ROWID;

CREATE TABLE workers (
    id               TEXT PRIMARY KEY,
    pool             TEXT NOT NULL,
    host             TEXT NOT NULL,
    pid              INTEGER NOT NULL,
    started_at       INTEGER NOT NULL,
    -- Since when it has been idle, where it is.
    idle_since       INTEGER NOT NULL,
    -- A JSON array of the queues it serves; NULL: all.
    queues           TEXT,
    draining         INTEGER NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),
    -- The version of the settings it works by.
    settings_version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
