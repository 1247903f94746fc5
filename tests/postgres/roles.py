"""A role that is no superuser, so that its rights and limits are those of an ordinary one."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg


class Role(NamedTuple):
    """A role that works with a queue: its name, the URL by which it does, and a session of who rules over it."""

    name: str
    url: str
    ruler: psycopg.Connection[tuple[int]]

    def limit(self, connections: int) -> None:
        """How many connections it may have; -1: any number. Those that it has stay."""
        self.ruler.execute(f"ALTER ROLE {self.name} CONNECTION LIMIT {connections}".encode())

    def connections(self) -> set[int]:
        """The pids of its sessions."""
        return {
            pid for (pid,) in self.ruler.execute("SELECT pid FROM pg_stat_activity WHERE usename = %s", [self.name])
        }

    def end_all(self) -> set[int]:
        """End its sessions; the pids of those that there were, once they are gone."""
        ended = self.connections()
        self.ruler.execute("SELECT pg_terminate_backend(pid, 30000) FROM unnest(%s) AS pid", (sorted(ended),))
        return ended


@contextmanager
def role_at(url: str) -> Iterator[Role]:
    """A role that may do all with the queue at this URL, a superuser's, but is not its owner."""
    name, password = f"guest_{uuid.uuid4().hex[:8]}", secrets.token_hex(8)
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    theirs = urlunsplit(parts._replace(netloc=f"{name}:{password}@{place}"))
    with psycopg.connect(url, autocommit=True) as ruler:
        statements = f"""
            CREATE ROLE {name} LOGIN PASSWORD '{password}';
            GRANT USAGE ON SCHEMA queuectl TO {name};
            GRANT ALL ON ALL TABLES IN SCHEMA queuectl TO {name};
            GRANT ALL ON ALL SEQUENCES IN SCHEMA queuectl TO {name};
        """
        ruler.execute(statements.encode())
        try:
            yield Role(name, theirs, ruler)
        finally:
            ruler.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())
