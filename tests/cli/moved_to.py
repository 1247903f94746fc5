"""Where the tests of `import` bring a queue: the command lines on a home and on a server, and what befalls both."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.sqlite.connecting import wall_clock
from tests.cli.line import CommandLine, Ran, store_at
from tests.cli.moved import ROOT
from tests.postgres.server import Databases
from tests.store.engines import BlockingPostgres, Clock, Engine


class HomeLine(CommandLine):
    """The command line on a store that a home keeps."""

    @property
    def place(self) -> list[str]:
        """The options that say which store it is."""
        return ["--home", self.home.path]

    @contextmanager
    def store(self) -> Iterator[Engine]:
        """The store, with a clock that stands at the present."""
        with store_at(self.home) as opened:
            yield opened

    def alter(self, sql: str) -> None:
        """Change its tables past the program, and past its foreign keys."""
        with closing(sqlite3.connect(self.home.database, isolation_level=None)) as connection:
            connection.execute(sql)


class ServerLine(CommandLine):
    """The command line on a store that a server keeps."""

    def __init__(self, home: Home, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(Home(home.path), capsys)
        self.url = str(home.url)

    @contextmanager
    def store(self) -> Iterator[Engine]:
        """The store, with a clock that stands at the present."""
        clock = Clock()
        clock.now = wall_clock()
        with PostgresStore(Home(self.home.path, self.url), clock=clock) as opened:
            yield BlockingPostgres(opened, clock)

    @property
    def place(self) -> list[str]:
        """The options that say which store it is."""
        return ["--home", self.home.path, "--store", self.url]

    def alter(self, sql: str) -> None:
        """Change its tables past the program."""
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=queuectl") as connection:
            connection.execute(sql.encode())

    def __call__(self, *arguments: str) -> Ran:
        return super().__call__("--store", self.url, *arguments)


@pytest.fixture
def server(tmp_path: Path, postgres: Databases, capsys: pytest.CaptureFixture[str]) -> Iterator[ServerLine]:
    """The command line on an empty store that a server keeps."""
    with postgres.database() as url:
        line = ServerLine(Home(str(tmp_path / "server"), url), capsys)
        assert line("init").status == 0
        yield line


Target = HomeLine | ServerLine


@pytest.fixture(params=["home", "server"])
def target(request: pytest.FixtureRequest, there: CommandLine, capsys: pytest.CaptureFixture[str]) -> Target:
    """The command line on an empty store of each kind."""
    if request.param == "server":
        line: ServerLine = request.getfixturevalue("server")
        return line
    assert there("init").status == 0
    return HomeLine(there.home, capsys)


KILLED = """
import os, signal, sys
from queuectl_core.cli import main, moving_in, output
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions import moving

name, left = sys.argv[1], int(sys.argv[2])
moving_in.JOBS_AT_ONCE = moving.JOBS_AT_ONCE = 2

def killed(run):
    def counting(store, transaction):
        global left
        if transaction.function.__name__ == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return run(store, transaction)
    return counting

for kind in (SqliteStore, PostgresStore):
    kind.run = killed(kind.run)
sys.exit(output.finish(main.run(sys.argv[3:])))
"""


def kill_before(transaction: str, nth: int, line: Target, *arguments: str) -> None:
    """Run a command, jobs two at a time, and kill it just before it runs this transaction for the nth time."""
    command = [sys.executable, "-c", KILLED, transaction, str(nth), *line.place, *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
