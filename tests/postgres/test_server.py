"""The PostgreSQL that tests are lent: what it does, what can be done to it, and that nothing of it is left."""

from __future__ import annotations

import os
import select
import signal
import socket
import stat
import tempfile
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from tests.execution.waiting import PATIENCE
from tests.postgres import binaries
from tests.postgres.fixtures import GIVEN
from tests.postgres.server import Databases, Server, at_database, running_server

pytestmark = pytest.mark.postgres

needs_ours = pytest.mark.skipif(
    bool(os.environ.get(GIVEN)), reason=f"is about the server that we start, not that of {GIVEN}"
)
MEANWHILE = 0.3
"""Seconds in which whoever is not stopped would long have answered."""


def ask(url: str, question: str = "SELECT 1") -> Any:
    """The one value that answers a question."""
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def do(url: str, *statements: str) -> None:
    """Commit each statement."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def processes_in(folder: Path) -> list[psutil.Process]:
    """The processes at work in a folder, also in one that has been removed."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.cwd().startswith(f"{folder}"):
                found.append(process)
    return found


def segments() -> set[int]:
    """The System V memory of the machine, by number."""
    lines = Path("/proc/sysvipc/shm").read_text().splitlines()[1:]
    return {int(line.split()[1]) for line in lines}


def segment_of(server: Server) -> int:
    """The number of its System V memory."""
    return int((server.log.parent / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1])


def answered(guest: psycopg.Connection, within: float) -> bool:
    """Whether an answer came to what a connection asked, within so many seconds."""
    return bool(select.select([guest], [], [], within)[0])


def test_it_answers(postgres: Databases) -> None:
    assert ask(postgres.url) == 1


@needs_ours
def test_it_is_the_version_that_the_package_brings(postgres: Databases) -> None:
    assert ask(postgres.url, "SHOW server_version").startswith("18.")


def test_it_answers_over_tcp_to_whoever_knows_its_password(postgres: Databases) -> None:
    address = ask(postgres.tcp_url, "SELECT inet_client_addr()")

    assert address is not None


def test_over_tcp_nobody_gets_in_without_the_password(own_postgres: Server) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(own_postgres.tcp_url, password="guessed")


def test_only_we_and_its_user_can_enter_its_folder(own_postgres: Server) -> None:
    assert stat.S_IMODE(own_postgres.log.parent.stat().st_mode) == 0o700


def test_what_is_in_one_database_is_not_in_another(postgres: Databases) -> None:
    with postgres.database() as one, postgres.database() as other:
        do(one, "CREATE TABLE mine (id int)")

        assert ask(one, "SELECT to_regclass('mine')::text") == "mine"
        assert ask(other, "SELECT to_regclass('mine')::text") is None


@needs_ours
def test_a_database_speaks_utf8_and_sorts_by_bytes(postgres: Databases) -> None:
    with postgres.database() as url:
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SELECT string_agg(x, '' ORDER BY x) FROM unnest(array['a', 'B', 'é']) AS x") == "Baé"


def test_a_database_is_the_same_over_tcp(postgres: Databases) -> None:
    with postgres.database() as url:
        name = ask(url, "SELECT current_database()")

        assert ask(postgres.over_tcp(url), "SELECT current_database()") == name


def test_a_database_goes_while_somebody_is_connected(postgres: Databases) -> None:
    with postgres.database() as url:
        name = ask(url, "SELECT current_database()")
        guest = psycopg.connect(url)

    with pytest.raises(psycopg.OperationalError):
        guest.execute("SELECT 1")
    guest.close()
    assert ask(postgres.url, f"SELECT count(*) FROM pg_database WHERE datname = '{name}'") == 0


def test_a_restart_keeps_data_and_addresses(own_postgres: Server) -> None:
    with own_postgres.database() as url:
        do(url, "CREATE TABLE kept AS SELECT 7 AS n")
        before = own_postgres.pid

        own_postgres.restart()

        assert own_postgres.pid != before
        assert ask(url, "SELECT n FROM kept") == 7
        assert ask(own_postgres.over_tcp(url), "SELECT n FROM kept") == 7


def test_a_crash_loses_connections_and_nothing_that_was_committed(own_postgres: Server) -> None:
    with own_postgres.database() as url, psycopg.connect(url) as guest:
        do(url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7)")
        guest.execute("INSERT INTO kept VALUES (8)")

        own_postgres.crash()

        with pytest.raises(psycopg.OperationalError):
            guest.execute("SELECT 1")
        assert ask(url, "SELECT array_agg(n) FROM kept") == [7]
        assert "automatic recovery in progress" in own_postgres.log.read_text()


def test_a_frozen_server_answers_once_it_is_thawed(own_postgres: Server) -> None:
    with closing(psycopg.connect(own_postgres.url, autocommit=True)) as guest:
        own_postgres.freeze()
        guest.pgconn.send_query(b"SELECT 1")
        assert not answered(guest, within=MEANWHILE)

        own_postgres.thaw()

        assert answered(guest, within=PATIENCE)


def test_every_process_of_a_frozen_server_is_stopped(own_postgres: Server) -> None:
    with psycopg.connect(own_postgres.url):
        own_postgres.freeze()

        states = [process.status() for process in processes_in(own_postgres.log.parent / "data")]
        own_postgres.thaw()

    assert len(states) > 2
    assert set(states) == {psutil.STATUS_STOPPED}


def test_a_stopped_server_answers_nobody_until_it_is_started(own_postgres: Server) -> None:
    own_postgres.stop()
    for url in (own_postgres.url, own_postgres.tcp_url):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)

    own_postgres.start()

    assert ask(own_postgres.url) == 1
    assert ask(own_postgres.tcp_url) == 1


def test_a_stop_in_order_is_told_to_whoever_is_connected(own_postgres: Server) -> None:
    with closing(psycopg.connect(own_postgres.url)) as guest:
        own_postgres.stop()

        with pytest.raises(psycopg.errors.AdminShutdown, match="administrator command"):
            guest.execute("SELECT 1")


def test_nobody_else_is_given_the_port_of_a_stopped_server(own_postgres: Server) -> None:
    port = int(own_postgres.tcp_url.rpartition(":")[2].partition("/")[0])
    own_postgres.stop()

    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


@needs_ours
@pytest.mark.parametrize("act", ["nothing", "stop", "freeze", "crash"])
def test_nothing_is_left_of_a_server_whatever_was_done_to_it(act: str) -> None:
    with running_server() as server, server.database() as url:
        folder, segment = server.log.parent, segment_of(server)
        do(url, "CREATE TABLE left_behind (n int)")
        if act != "nothing":
            getattr(server, act)()

    assert processes_in(folder) == []
    assert not folder.exists()
    assert segment not in segments()


@needs_ours
def test_nothing_is_left_of_a_server_that_a_test_has_killed() -> None:
    with running_server() as server:
        folder, segment = server.log.parent, segment_of(server)
        os.kill(server.pid, signal.SIGKILL)

    assert processes_in(folder) == []
    assert not folder.exists()
    assert segment not in segments()


def test_the_url_of_another_database_keeps_all_else() -> None:
    assert at_database("postgresql://me:it@there:5/mine?sslmode=require", "x") == (
        "postgresql://me:it@there:5/x?sslmode=require"
    )
    assert at_database("postgresql:///?host=/run&dbname=mine", "x") == "postgresql:///x?host=/run"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, closed to others, on a machine without files in memory."""
    folder = tmp_path / "temporary"
    folder.mkdir(0o700)
    monkeypatch.setattr(binaries, "MEMORY", str(tmp_path / "none"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(binaries, "LONGEST_PLACE", len(str(folder)))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return folder


def test_a_servers_folder_is_among_the_temporary_files(temporary: Path) -> None:
    assert binaries.place() == str(temporary)


def test_it_is_elsewhere_where_a_sockets_path_would_be_too_long(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "LONGEST_PLACE", len(str(temporary)) - 1)

    assert binaries.place() == "/tmp"


def test_it_is_elsewhere_where_the_servers_user_could_not_enter(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert binaries.place() == "/tmp"
