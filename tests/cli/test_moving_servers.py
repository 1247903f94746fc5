"""`queuectl export` and `queuectl import`: a queue that moves to a server, and back."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from queuectl_core.store.transactions.workers import Lease, register_pool
from tests.cli.line import CommandLine, program
from tests.cli.moved import between, exported, file, fill, fill_much, kill_and_go_on, lines, there, write
from tests.cli.moved_to import ServerLine, server
from tests.postgres.fixtures import own_postgres, postgres
from tests.store.acts import put, ran, started
from tests.store.engines import Engine

__all__ = ["file", "own_postgres", "postgres", "server", "there"]


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
