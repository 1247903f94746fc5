-- Moves into and out of `processing` are counted by the transactions that make them, once for all of a transaction: by
-- the trigger they cost 7 µs each, twice a job.

DROP TRIGGER jobs_moved;

CREATE TRIGGER jobs_moved AFTER UPDATE OF state, queue ON jobs
WHEN (OLD.state <> NEW.state OR OLD.queue <> NEW.queue) AND 'processing' NOT IN (OLD.state, NEW.state)
BEGIN
    UPDATE counts SET n = n - 1 WHERE queue = OLD.queue AND state = OLD.state;
    INSERT INTO counts (queue, state, n) VALUES (NEW.queue, NEW.state, 1)
    ON CONFLICT (queue, state) DO UPDATE SET n = n + 1;
END;
