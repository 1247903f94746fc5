"""`queuectl doctor` where a server keeps the jobs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from queuectl_core.cli import server_checks
from queuectl_core.store.home import Home
from queuectl_core.store.postgres import checkup
from queuectl_core.store.postgres.store import PostgresStore
from queuectl_core.store.transactions import moving_in
from queuectl_core.store.transactions.settings import IMPORT_MARK
from queuectl_core.store.transactions.workers import Lease, register_pool, register_worker
from tests.cli.hosts import Host, hosts
from tests.cli.line import CommandLine, Ran
from tests.execution.waiting import eventually
from tests.postgres.fixtures import postgres
from tests.postgres.server import with_parameter

__all__ = ["hosts", "postgres"]


class Doctor:
    """The doctor of one host, in this process."""

    def __init__(self, host: Host, line: CommandLine) -> None:
        self.url = str(host.home.url)
        self._line = line

    def __call__(self, *options: str) -> Ran:
        return self._line("--store", self.url, "doctor", *options)

    def findings(self, *options: str) -> dict[str, tuple[str, str, str]]:
        """Status, detail and advice by check."""
        found = json.loads(self("--json", *options).out)
        return {one["check"]: (one["status"], one["detail"], one["advice"]) for one in found}


@pytest.fixture
def doctor(hosts: tuple[Host, Host], capsys: pytest.CaptureFixture[str]) -> Doctor:
    """The doctor of the first host."""
    here, _ = hosts
    return Doctor(here, CommandLine(Home(here.home.path), capsys))


@pytest.fixture
def sql(doctor: Doctor) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A session on the server beside ours."""
    with psycopg.connect(doctor.url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def flushing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is taken for one that flushes; that of the tests need not outlive its machine."""
    as_found = checkup.Server
    monkeypatch.setattr(checkup, "Server", lambda *facts: as_found(*facts)._replace(flushes=True))


def test_a_queue_in_order_has_every_check_of_a_server_and_none_of_a_file(doctor: Doctor, flushing: None) -> None:
    found = doctor.findings()

    assert {status for status, _, _ in found.values()} == {"ok"}
    assert list(found) == [
        "home", "permissions", "disk", "inodes", "logs", "store", "server", "schema", "rights", "clock", "connections",
        "announcements", "vacuum", "garbage", "workers", "counts", "delays", "import", "survivors", "run", "orphans",
    ]  # fmt: skip
    assert found["server"][1].startswith("PostgreSQL ")
    assert doctor().status == 0


def test_a_server_without_our_schema_is_a_problem_with_advice(doctor: Doctor) -> None:
    doctor.url = with_parameter(doctor.url, "schema=none")

    ran = doctor()

    assert ran.status == 1
    assert "make it with 'queuectl init'" in ran.out


def test_a_server_that_is_not_there_is_a_problem(doctor: Doctor, tmp_path: Path) -> None:
    doctor.url = f"postgresql://me@/db?host={tmp_path}"

    found = doctor.findings()

    assert found["store"][0] == "problem"
    assert "cannot reach" in found["store"][1]
    assert found["home"][0] == "ok"


def test_a_server_that_is_too_old_is_a_problem_and_one_that_is_not_tested_is_named(
    doctor: Doctor, flushing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "TESTED", 99)
    assert doctor.findings()["server"][1].endswith("; this program is tested with 99")

    monkeypatch.setattr(checkup, "OLDEST", 990_000)
    assert doctor.findings()["server"][::2] == ("problem", "use 99 or newer")


def test_a_server_that_flushes_nothing_is_a_warning(
    doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]]
) -> None:
    if sql.execute("SHOW fsync").fetchone() == ("on",):
        pytest.skip("the server that the tests were given flushes")

    status, detail, advice = doctor.findings()["server"]

    assert status == "warning"
    assert detail.endswith("flushes nothing to its disk (fsync is off)")
    assert advice.startswith("set fsync to on")
    assert doctor().status == 0


def test_a_role_whose_sessions_are_read_only_is_a_warning(
    doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]]
) -> None:
    sql.execute(f"ALTER DATABASE {sql.info.dbname} SET default_transaction_read_only = on".encode())

    status, detail, advice = doctor.findings()["rights"]

    assert (status, "can neither enqueue nor work: its sessions are read-only" in detail) == ("warning", True)
    assert advice.startswith("set default_transaction_read_only to off")


@pytest.mark.parametrize(("seconds", "words"), [(5, "5s ahead of"), (-90, "1m30s behind")])
def test_another_time_on_this_host_is_told_and_no_trouble(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, seconds: float, words: str
) -> None:
    monkeypatch.setattr(server_checks, "time", SimpleNamespace(time=lambda: time.time() + seconds))

    status, detail, advice = doctor.findings()["clock"]

    assert status == "ok"
    assert words in detail
    assert "the queue goes by the server's" in advice


def test_few_sessions_that_are_left_are_a_warning(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_checks, "MANY_SESSIONS", 0)

    status, detail, _ = doctor.findings()["connections"]

    assert status == "warning"
    assert " in use" in detail


def test_whoever_holds_an_old_snapshot_is_named(
    doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sql.execute("SET application_name = 'a report'")
    sql.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    assert doctor.findings()["vacuum"][0] == "ok"  # it has only begun

    monkeypatch.setattr(server_checks, "HELD_SECONDS", 0)

    status, detail, _ = doctor.findings()["vacuum"]
    assert status == "warning"
    assert f"pid {sql.info.backend_pid} (a report)" in detail


def test_a_table_that_autovacuum_passes_over_is_a_warning(
    doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]]
) -> None:
    sql.execute("ALTER TABLE queuectl.runs SET (autovacuum_enabled = false)")

    status, detail, advice = doctor.findings()["garbage"]
    assert (status, detail) == ("warning", "autovacuum passes over runs")
    sql.execute(advice.split("'")[1].encode())
    assert doctor.findings()["garbage"][0] == "ok"


def test_many_dead_rows_are_a_warning(
    doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "MUCH_GARBAGE", 2)
    sql.execute("ALTER TABLE queuectl.settings SET (autovacuum_vacuum_threshold = 1000000)")
    sql.execute("INSERT INTO queuectl.settings SELECT 'k' || n, 'v', 0 FROM generate_series(1, 20) AS n")
    sql.execute("DELETE FROM queuectl.settings")
    sql.execute("SELECT pg_stat_force_next_flush()")

    def told() -> str | None:
        status, detail, _ = doctor.findings()["garbage"]
        return detail if status == "warning" else None

    assert "settings (20 beside 0)" in eventually(told, what="the dead rows are counted")


def test_a_host_that_fell_silent_is_named_and_repair_strikes_it_off(hosts: tuple[Host, Host], doctor: Doctor) -> None:
    here, _ = hosts
    lease = Lease("another site", 1)
    with PostgresStore(here.home) as store:
        store.run(register_pool("abc123", "far", 1, 1, lease))
        store.run(register_worker("abc123-1", "abc123", "far", 1, (), 0, lease))

    def told() -> str | None:
        status, detail, _ = doctor.findings()["workers"]
        return detail if status == "warning" else None

    assert "abc123-1 on far" in eventually(told, what="its lease is over")
    assert doctor.findings("--repair")["workers"] == ("ok", "none runs", "")


def test_the_living_are_counted_by_host(hosts: tuple[Host, Host], doctor: Doctor) -> None:
    here, there = hosts
    with PostgresStore(here.home) as store:
        store.run(register_worker("abc123-1", "abc123", "far", 1, (), 0, Lease("another site", 3_600_000)))
        with there.working():
            status, detail, _ = doctor.findings()["workers"]

    assert status == "ok"
    assert detail.startswith("2 alive: ")
    assert "1 on far" in detail


def test_wrong_counts_are_made_anew(
    hosts: tuple[Host, Host], doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]]
) -> None:
    here, _ = hosts
    here.enqueue("true")
    sql.execute("INSERT INTO queuectl.count_notes VALUES ('ghost', 'dead', 3)")
    assert doctor.findings()["counts"][:2] == ("problem", "1 wrong, such as 3 jobs dead in ghost where there are 0")

    assert "made 1 wrong count anew" in doctor.findings("--repair")["repair"][1]
    assert doctor.findings()["counts"][0] == "ok"
    assert here.json("status")["jobs"]["pending"] == 1


def test_an_unfinished_import_is_a_warning(doctor: Doctor, sql: psycopg.Connection[tuple[object, ...]]) -> None:
    text = moving_in.Mark(1, "", 1, ()).text
    sql.execute("INSERT INTO queuectl.settings VALUES (%s, %s, 0)", (IMPORT_MARK, text))

    status, _, advice = doctor.findings()["import"]

    assert status == "warning"
    assert "queuectl import --discard" in advice


def test_logs_of_jobs_that_were_forgotten_elsewhere_are_removed_by_repair(
    hosts: tuple[Host, Host], doctor: Doctor
) -> None:
    here, there = hosts
    here.enqueue("echo out")
    here.drain()
    there.done("delete", "1")
    log = Path(here.home.log(1, 1))
    assert log.exists()
    assert doctor.findings()["orphans"][0] == "warning"

    assert "removed the logs of 1 job" in doctor.findings("--repair")["repair"][1]
    assert not log.exists()


def test_a_file_queue_in_the_same_home_is_told_of_and_keeps_its_logs(hosts: tuple[Host, Host], doctor: Doctor) -> None:
    here, there = hosts
    alone = CommandLine(Home(here.home.path), doctor._line._capsys)
    assert alone("enqueue", "--", "echo mine").status == 0
    assert alone("worker", "list").status == 0
    log = Path(here.home.log(1, 1))
    log.parent.mkdir(parents=True)
    log.write_text("mine\n")
    there.enqueue("true")
    there.drain()
    there.done("delete", "1")

    found = doctor.findings("--repair")

    assert found["orphans"][0] == "ok"
    assert "is another queue" in str([one for one in json.loads(doctor("--json").out) if one["status"] == "warning"])
    assert log.read_text() == "mine\n"
