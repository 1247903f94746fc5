"""Peers that keep their jobs on PostgreSQL, on the server that ours are measured on.

Each is two processes that run one job at a time, as two hosts of one worker each would.
"""

from __future__ import annotations

from tests.benchmarks.peer_consumers import APPS, Consumer
from tests.benchmarks.peer_place import Place
from tests.benchmarks.peer_servers import Server as Kind
from tests.benchmarks.pg_server import Server

PROCRASTINATE = Consumer(
    "Procrastinate, 2 processes",
    1000,
    ("procrastinate", "psycopg-binary"),
    "procrastinate_app",
    ("procrastinate", f"--app={APPS}.procrastinate_app.app", "worker", "--one-shot"),
    Kind.POSTGRES,
    twice=True,
)
PGQUEUER = Consumer(
    "PgQueuer, 2 processes",
    1000,
    ("pgqueuer", "asyncpg"),
    "pgqueuer_app",
    ("python", "-c", f"from {APPS}.pgqueuer_app import consume; consume(1)"),
    Kind.POSTGRES,
    twice=True,
)


class OnServer(Place):
    """The environment of the peers, with a server that runs already."""

    def __init__(self, server: Server, install: bool = False) -> None:
        super().__init__(install)
        self._server = server

    def lacks_server(self, server: Kind) -> bool:
        """Whether it is another kind of server."""
        return server is not Kind.POSTGRES

    def url(self, server: Kind) -> str:
        """Where it listens."""
        return "" if self.lacks_server(server) else self._server.url
