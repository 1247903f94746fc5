"""PgBouncer between a host and the server, where it is installed: each transaction may get another connection."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

from tests.execution.waiting import eventually
from tests.postgres.binaries import account, place
from tests.postgres.cluster import end_with_parent

PROGRAM = shutil.which("pgbouncer")
CONNECTIONS = 2
"""How many it has to the server: fewer than who asks, so that they change hands."""

PORT = 6432
"""Only a part of its socket's name."""


@contextmanager
def pooler_to(url: str) -> Iterator[str]:
    """The URL of the same database, reached through a pooler of transactions; `url` names a host and a port."""
    assert PROGRAM is not None
    with tempfile.TemporaryDirectory(dir=place()) as folder:
        file = Path(folder, "pgbouncer.ini")
        file.write_text(_settings(url, folder))
        Path(folder, "users").touch()
        who = account()
        who.own(folder)
        process = subprocess.Popen(
            [PROGRAM, "-q", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=end_with_parent,
            **who.identity(),
        )
        try:
            eventually(Path(folder, f".s.PGSQL.{PORT}").exists, what="the pooler is there")
            yield f"postgresql://anybody@/work?host={quote(folder, safe='/')}&port={PORT}"
        finally:
            process.kill()
            process.wait()


def _settings(url: str, folder: str) -> str:
    parts = urlsplit(url)
    server = f"host={parts.hostname} port={parts.port} dbname={parts.path[1:]}"
    return f"""
[databases]
work = {server} user={parts.username} password={parts.password}
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = {PORT}
auth_type = any
pool_mode = transaction
default_pool_size = {CONNECTIONS}
logfile = {folder}/log
"""
