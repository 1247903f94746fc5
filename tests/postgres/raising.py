"""Errors that the server raises because a test wants it to, where rows of a table are changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import psycopg

SERIALIZATION_FAILURE = "40001"
UNIQUE_VIOLATION = "23505"
DEADLOCK_DETECTED = "40P01"
DISK_FULL = "53100"

ALWAYS = 1 << 62
"""As many times as anybody tries."""


class When(StrEnum):
    """At which moment of a transaction the error is raised."""

    AT_ONCE = "BEFORE {change} FOR EACH STATEMENT"
    AT_COMMIT = "AFTER {change} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"


class Raised:
    """What is raised, and how often somebody was at it."""

    def __init__(self, ruler: psycopg.Connection[tuple[int]]) -> None:
        self._ruler = ruler

    def tries(self) -> int:
        """How often the change was tried so far, whether an error was raised or not."""
        row = self._ruler.execute("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM raising.tries").fetchone()
        assert row is not None
        return row[0]

    def stop(self) -> None:
        """Let everything through from now on."""
        self._ruler.execute("CREATE OR REPLACE VIEW raising.times AS SELECT 0::bigint AS n")


@contextmanager
def raising(
    url: str, code: str, change: str, times: int = ALWAYS, when: When = When.AT_ONCE, words: str = "made up"
) -> Iterator[Raised]:
    """Have the server raise this SQLSTATE the first times that a change is made, as `INSERT ON queuectl.jobs`.

    A sequence counts them, which no rollback takes back.
    """
    kind = "CONSTRAINT TRIGGER" if when is When.AT_COMMIT else "TRIGGER"
    with psycopg.connect(url, autocommit=True) as ruler:
        statements = f"""
            CREATE SCHEMA raising;
            GRANT USAGE ON SCHEMA raising TO PUBLIC;
            CREATE SEQUENCE raising.tries;
            CREATE VIEW raising.times AS SELECT {times}::bigint AS n;
            CREATE FUNCTION raising.raise() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
            BEGIN
                IF nextval('raising.tries') <= (SELECT n FROM raising.times) THEN
                    RAISE EXCEPTION USING ERRCODE = '{code}', MESSAGE = '{words}';
                END IF;
                RETURN NULL;
            END $$;
            CREATE {kind} raising {when.format(change=change)} EXECUTE FUNCTION raising.raise();
        """
        ruler.execute(statements.encode())
        try:
            yield Raised(ruler)
        finally:
            ruler.execute("SET client_min_messages = error; DROP SCHEMA raising CASCADE")
