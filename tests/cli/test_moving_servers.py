"""`queuectl export` and `queuectl import`: a queue that moves to a server, and back."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.sqlite.connecting import wall_clock
from queuectl_core.store.transactions.workers import Lease, register_pool
from tests.cli.line import CommandLine, Ran, program
from tests.cli.moved import between, exported, file, fill, fill_much, kill_and_go_on, lines, there, write
from tests.postgres.fixtures import own_postgres, postgres
from tests.postgres.server import Databases
from tests.store.acts import put, ran, started
from tests.store.engines import BlockingPostgres, Clock, Engine

__all__ = ["file", "own_postgres", "postgres", "there"]


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

    def __call__(self, *arguments: str) -> Ran:
        return super().__call__("--store", self.url, *arguments)


@pytest.fixture
def server(tmp_path: Path, postgres: Databases, capsys: pytest.CaptureFixture[str]) -> Iterator[ServerLine]:
    """The command line on an empty store that a server keeps."""
    with postgres.database() as url:
        line = ServerLine(Home(str(tmp_path / "server"), url), capsys)
        assert line("init").status == 0
        yield line


def told(line: CommandLine) -> dict[str, Any]:
    """All that a command line says of a queue that was filled."""
    jobs = line.json("list", "--all")
    shown = [line.json("show", job["id"], "--values") for job in jobs]
    return {
        "jobs": jobs,
        "shown": shown,
        "queues": line("queue", "list").out,
        "settings": line("config", "list").out,
        "dead": line.json("dlq", "show", "4"),
    }


def test_a_queue_comes_back_from_a_server_as_it_was(
    queuectl: CommandLine, store: Engine, server: ServerLine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    fill(store)
    exported(queuectl, file)
    before = told(queuectl)

    assert server("import", str(file)).out == "imported 5 jobs with 3 runs\n"
    on_server = told(server)
    returned = exported(server, tmp_path / "returned")
    assert there("import", str(returned)).out == "imported 5 jobs with 3 runs\n"

    assert (on_server, told(there)) == (before, before)
    assert [job["state"] for job in before["jobs"]] == ["cancelled", "dead", "failed", "pending", "completed"]
    assert between(exported(there, tmp_path / "again")) == between(returned) == between(file)


def test_an_import_into_a_server_that_is_killed_goes_on_where_it_was(
    queuectl: CommandLine, store: Engine, server: ServerLine, file: Path, tmp_path: Path
) -> None:
    fill_much(store)
    exported(queuectl, file)
    command = program(server.home, "--store", server.url, "import", "-")

    with server.store() as half:
        kill_and_go_on(server, command, half, file)

        assert between(exported(server, tmp_path / "again")) == between(file)
        assert started(half).job.number == 1
        assert put(half).number == 2501


def test_a_worker_of_another_host_is_one_that_is_alive(
    queuectl: CommandLine, store: Engine, server: ServerLine, file: Path
) -> None:
    exported(queuectl, file)
    with server.store() as opened:
        opened.run(register_pool("pool", "elsewhere", 1, 1, Lease("another site", 3_600_000)))

    for arguments in (("export",), ("import", str(file))):
        assert "workers are alive: stop them" in server(*arguments).err


def test_a_server_keeps_more_of_the_output_than_a_home_and_gives_back_its_end(
    queuectl: CommandLine, store: Engine, server: ServerLine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    ran(store)
    content = lines(exported(queuectl, file))
    output = "é".encode() * 40_000 + b"!"
    content[1]["job"]["history"][0]["tail"] = base64.b64encode(output).decode()
    write(file, content)

    server("import", str(file))
    returned = exported(server, tmp_path / "returned")
    there("import", str(returned))
    again = exported(there, tmp_path / "again")

    assert [base64.b64decode(lines(path)[1]["job"]["history"][0]["tail"]) for path in (returned, again)] == [
        output[-(64 * 1024 - 1) :],
        output[-4095:],
    ]
