"""A PostgreSQL for benchmarks, which keeps what it says.

The server is not that of the tests, which flushes nothing: it has PostgreSQL's own settings, so each commit is on the
disk before it is answered. Peers are measured on the same one. It is reached by a Unix socket alone.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.benchmarks.ground import PATIENCE
from tests.benchmarks.measuring import Measure, alone
from tests.postgres.binaries import Account, account, runnable

USER = "bench"
SETTINGS = ("listen_addresses=", "unix_socket_permissions=0700", "max_connections=100")
"""What differs from PostgreSQL's own settings: nothing that bears on speed."""

PROMISES = ("fsync", "synchronous_commit")
COMMITS = 200
"""How many bare commits tell what the disk costs."""

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Server:
    """A server that runs; its databases and schemas are made for the occasion."""

    def __init__(self, folder: str) -> None:
        self._place = f"host={folder}&port=5432"
        self._numbers = count(1)

    @property
    def url(self) -> str:
        """The URL of its own database."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://{USER}@/{database}?{self._place}"

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection to its own database, on which each statement is committed at once."""
        return psycopg.connect(self.url, autocommit=True)

    def new_database(self) -> str:
        """The URL of another database, which stays: a snapshot in one holds up nothing in the others."""
        name = f"bench_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return self.url_of(name)

    @contextmanager
    def new_schema(self) -> Iterator[str]:
        """The URL of a store in a schema that is not made yet, and is dropped afterwards."""
        name = f"bench_{next(self._numbers)}"
        try:
            yield f"{self.url}&schema={name}"
        finally:
            with self.connect() as connection:
                connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))

    def described(self) -> Measure:
        """Which server it is and what it promises, with the milliseconds of a bare commit on it."""
        with self.connect() as connection:
            [(version,)] = connection.execute("SHOW server_version")
            promises = [f"{name} {_shown(connection, name)}" for name in PROMISES]
            connection.execute("CREATE TABLE public.bare (n integer)")
            commits = [1000 * _bare_commit(connection) for _ in range(COMMITS)]
            connection.execute("DROP TABLE public.bare")
        return alone(f"PostgreSQL {str(version).split()[0]}, {', '.join(promises)}: a bare commit", "ms", commits)


def _shown(connection: psycopg.Connection[tuple[Any, ...]], setting: str) -> str:
    [(value,)] = connection.execute("SELECT current_setting(%s)", (setting,))
    return str(value)


def _bare_commit(connection: psycopg.Connection[tuple[Any, ...]]) -> float:
    began = time.perf_counter()
    connection.execute("INSERT INTO public.bare VALUES (1)")
    return time.perf_counter() - began


@contextmanager
def durable_server() -> Iterator[Server]:
    """A server on a new folder on the disk. Raises RuntimeError, with what it said, where it does not start."""
    owner = account()
    folder = _folder()
    programs = runnable(owner, folder)
    owner.own(folder)
    initdb = f"{programs}/initdb -D {folder}/data -U {USER} -A trust --locale=C -E UTF8"
    subprocess.run(shlex.split(initdb), check=True, capture_output=True, cwd=folder, **owner.identity())
    options = [part for setting in SETTINGS for part in ("-c", setting)]
    process = _started([f"{programs}/postgres", "-D", f"{folder}/data", "-k", folder, *options], folder, owner)
    try:
        _await_ready(process, folder)
        yield Server(folder)
    finally:
        process.send_signal(signal.SIGQUIT)  # at once, since its data goes too
        process.wait(PATIENCE)


def _folder() -> str:
    """A folder that the server's user may enter; its files are removed when all is measured."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="queuectl-bench-postgres-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _started(command: Sequence[str], folder: str, owner: Account) -> subprocess.Popen[bytes]:
    with open(f"{folder}/log", "wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # it outlives what a terminal says to us, and ends with us
            preexec_fn=_end_with_parent,
            **owner.identity(),
        )


def _end_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _await_ready(process: subprocess.Popen[bytes], folder: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError):
            lines = Path(folder, "data", "postmaster.pid").read_text().splitlines()
            if len(lines) > 7 and lines[7].strip() == "ready":
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start: {Path(folder, 'log').read_text()[-1000:]}")
        time.sleep(0.02)
