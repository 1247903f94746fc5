-- What is counted stands in one tree: a turn of a worker changes some of all of it, and writes a page for each tree.

CREATE TABLE tallies (
    -- Of what happened in a minute; of what there is now it is 2147483647, so that both lie side by side at the end.
    minute          INTEGER NOT NULL,
    queue           TEXT NOT NULL,
    -- Whether the row is of `counts` (a state), of `minutes` ('') or of `histograms` ('duration', 'waiting'), see below.
    measure         TEXT NOT NULL,
    bucket          INTEGER NOT NULL DEFAULT 0,
    n               INTEGER,
    ended           INTEGER,
    completed       INTEGER,
    failed          INTEGER,
    timed_out       INTEGER,
    cancelled       INTEGER,
    released        INTEGER,
    lost            INTEGER,
    duration_ms     INTEGER,
    duration_max_ms INTEGER,
    waiting_ms      INTEGER,
    depth           INTEGER,
    PRIMARY KEY (minute, queue, measure, bucket),
    -- A list behind IN would be gone through anew for each row.
    CHECK (instr(iif(minute = 2147483647, ',pending,processing,completed,failed,dead,cancelled,', ',,duration,waiting,'),
        ',' || measure || ',')),
    CHECK (iif(measure = '', n IS NULL AND ended IS NOT NULL, n IS NOT NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO tallies (minute, queue, measure, n) SELECT 2147483647, queue, state, n FROM counts;
INSERT INTO tallies (minute, queue, measure, bucket, n) SELECT minute, queue, measure, bucket, n FROM histograms;
INSERT INTO tallies (minute, queue, measure, ended, completed, failed, timed_out, cancelled, released, lost,
                     duration_ms, duration_max_ms, waiting_ms, depth)
SELECT minute, queue, '', ended, completed, failed, timed_out, cancelled, released, lost,
    duration_ms, duration_max_ms, waiting_ms, depth
FROM minutes;

DROP TRIGGER jobs_moved;
DROP TRIGGER jobs_deleted;
DROP TABLE counts;
DROP TABLE minutes;
DROP TABLE histograms;

-- How many jobs of each queue are in each state. Triggers follow moves and deletions; whoever inserts jobs adds them, and
-- whoever moves them into or out of `processing` adds up those moves.
CREATE VIEW counts AS
SELECT queue, measure AS state, n FROM tallies WHERE minute = 2147483647;

CREATE TRIGGER jobs_moved AFTER UPDATE OF state, queue ON jobs
WHEN (OLD.state <> NEW.state OR OLD.queue <> NEW.queue) AND 'processing' NOT IN (OLD.state, NEW.state)
BEGIN
    UPDATE tallies SET n = n - 1
    WHERE minute = 2147483647 AND queue = OLD.queue AND measure = OLD.state AND bucket = 0;
    INSERT INTO tallies (minute, queue, measure, n) VALUES (2147483647, NEW.queue, NEW.state, 1)
    ON CONFLICT (minute, queue, measure, bucket) DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER jobs_deleted AFTER DELETE ON jobs
BEGIN
    UPDATE tallies SET n = n - 1
    WHERE minute = 2147483647 AND queue = OLD.queue AND measure = OLD.state AND bucket = 0;
END;

-- What happened in each minute of each queue. `ended` counts jobs, the outcomes count runs; the durations are of runs that
-- completed, failed or timed out. `depth` is how many jobs waited, where that was noted.
CREATE VIEW minutes AS
SELECT minute, queue, ended, completed, failed, timed_out, cancelled, released, lost, duration_ms, duration_max_ms,
    waiting_ms, depth
FROM tallies WHERE measure = '';

-- Logarithmic histograms of the same runs: how long they took, how long their jobs had been due.
CREATE VIEW histograms AS
SELECT minute, queue, measure, bucket, n FROM tallies WHERE measure IN ('duration', 'waiting');
