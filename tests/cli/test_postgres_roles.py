"""The roles that the README shows: what each may do with a queue on a server, and what it may not."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from queuectl_core.store.home import Home
from tests.architecture.readme_tables import README
from tests.architecture.test_readme_tour import blocks
from tests.cli.hosts import Host
from tests.cli.line import Ran
from tests.console.detail.test_output_elsewhere import console_on
from tests.postgres.fixtures import postgres
from tests.postgres.server import Databases, with_parameter

__all__ = ["postgres"]

ROLES = ("queue_operator", "queue_worker", "queue_viewer")


class Staff(NamedTuple):
    """A host for each role, all on one queue."""

    operator: Host
    worker: Host
    viewer: Host


@pytest.fixture
def staff(tmp_path: Path, postgres: Databases, capsys: pytest.CaptureFixture[str]) -> Iterator[Staff]:
    """The roles as the README's statements make them, with names of their own: they are the whole server's."""
    suffix = uuid.uuid4().hex[:8]
    before, after = (_renamed(block, suffix) for block in blocks("More than one machine", "sql"))
    roles = [f"{role}_{suffix}" for role in ROLES]
    with postgres.database() as url:
        database = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        try:
            _execute(url, before.replace("DATABASE work", f"DATABASE {database}"))
            hosts = [Host(Home(str(tmp_path / role), _as(url, role)), capsys) for role in roles]
            hosts[0].done("init")
            _execute(_as(url, roles[0]), after)
            yield Staff(*hosts)
        finally:
            for role in roles:
                _drop(url, role)


def _renamed(text: str, suffix: str) -> str:
    return re.sub(r"\b(queue_(?:operator|worker|viewer))\b", rf"\1_{suffix}", text)


def _as(url: str, role: str) -> str:
    """The URL for the same server in a role, however it lets one in."""
    return with_parameter(url, f"options={quote(f'-c role={role}')}")


def _execute(url: str, statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statements.encode())


def _drop(url: str, role: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).fetchall():
            connection.execute(sql.SQL("DROP OWNED BY {0} CASCADE").format(sql.Identifier(role)))
            connection.execute(sql.SQL("DROP ROLE {0}").format(sql.Identifier(role)))


def refused(ran: Ran) -> bool:
    """Whether a command was refused for want of rights, in one line that says what to do."""
    one_line = ran.err.count("\n") == 1
    return ran.status == 1 and one_line and "permission denied" in ran.err and "rights of your role" in ran.err


def rights(host: Host) -> tuple[str, str]:
    """What `doctor` says of the role."""
    [finding] = [found for found in host.json("doctor") if found["check"] == "rights"]
    return finding["status"], re.sub(r"role \w+ ", "", finding["detail"])


def test_a_viewer_sees_all_and_changes_nothing(staff: Staff) -> None:
    staff.operator.enqueue("echo out; exit 3", id="job", max_retries="0")
    staff.operator.drain()
    before = staff.operator.json("show", "job")

    assert staff.viewer.json("show", "job") == before
    assert staff.viewer.json("status")["jobs"]["dead"] == 1
    assert staff.viewer.done("logs", "job") == "out\n"
    for looking in (("list",), ("worker", "list"), ("config", "list"), ("queue", "list"), ("dlq", "list")):
        staff.viewer.done(*looking)
    for changing in (
        ("enqueue", "--", "true"),
        ("retry", "job"),
        ("delete", "job"),
        ("edit", "job", "--priority", "1"),
        ("dlq", "retry", "--all", "--yes"),
        ("dlq", "purge", "--yes"),
        ("purge", "--state", "dead", "--yes"),
        ("queue", "pause", "q"),
        ("config", "set", "max_retries", "1"),
    ):
        assert refused(ran := staff.viewer(*changing)), (changing, ran)
    assert staff.operator.json("show", "job") == before
    assert rights(staff.viewer) == ("ok", "may look, and change nothing")


async def test_a_viewer_has_the_console_to_look_at(staff: Staff) -> None:
    staff.operator.enqueue("true", id="job")
    async with console_on(staff.viewer, read_only=True) as desk:
        await desk.shows("job")


def test_a_worker_enqueues_works_and_mends_jobs_but_changes_no_settings(staff: Staff, tmp_path: Path) -> None:
    worker = staff.worker
    staff.operator.done("config", "set", "keep_cancelled", "0")
    worker.enqueue("echo out", id="well")
    worker.enqueue("exit 3", id="ill", max_retries="0")
    worker.enqueue("true", id="unwanted")
    worker.done("cancel", "unwanted")
    many = tmp_path / "many"
    many.write_text("echo 1\necho 2\n")
    assert worker("enqueue", "--lines", "--from", str(many)).status == 0

    ran = worker("worker", "start", "--drain", "--count", "2")

    assert (ran.status, "permission denied" in ran.err) == (0, False), ran.err
    jobs = staff.operator.json("status")["jobs"]
    assert (jobs["completed"], jobs["dead"], jobs["pending"] + jobs["processing"] + jobs["failed"]) == (3, 1, 0)
    worker.done("edit", "ill", "--priority", "1")
    worker.done("dlq", "retry", "ill")
    worker.done("delete", "well")
    assert worker("doctor", "--repair").status == 0
    for changing in (("config", "set", "max_retries", "1"), ("queue", "pause", "default"), ("queue", "resume", "q")):
        assert refused(ran := worker(*changing)), (changing, ran)
    assert rights(worker) == ("ok", "may enqueue and work, and change neither settings nor pauses")


def test_the_operator_alone_makes_and_rules_the_queue(staff: Staff, postgres: Databases) -> None:
    staff.operator.done("config", "set", "max_retries", "1")
    staff.operator.enqueue("true")
    staff.operator.done("queue", "pause", "default")
    assert rights(staff.operator) == ("ok", "may do everything, and migrate the schema too")

    for other in (staff.worker, staff.viewer):
        url = with_parameter(str(other.home.url), "schema=another")
        assert refused(ran := Host(Home(other.home.path, url))("init")), ran


def test_a_role_that_may_not_look_is_told_so(staff: Staff) -> None:
    nobody = Host(Home(staff.viewer.home.path, str(staff.viewer.home.url)))
    _execute(str(staff.operator.home.url), "REVOKE USAGE ON SCHEMA queuectl FROM PUBLIC")
    _execute(str(staff.operator.home.url), f"REVOKE SELECT ON queuectl.jobs FROM {_role_of(nobody)}")

    assert refused(nobody("list"))
    assert nobody("doctor").status == 1
    assert "may not read jobs" in nobody("doctor").out


def test_a_role_without_usage_of_the_schema_is_told_what_to_have_granted(staff: Staff) -> None:
    role = _role_of(staff.viewer)
    _execute(str(staff.operator.home.url), f"REVOKE USAGE ON SCHEMA queuectl FROM {role}")

    for ran in (staff.viewer("list"), staff.viewer("init")):
        assert (ran.status, ran.err.count("\n")) == (1, 1), ran
        assert f"role {role} has no USAGE on schema queuectl" in ran.err
    assert "have its owner run 'GRANT USAGE" in staff.viewer("doctor").out

    granting = staff.viewer("list").err.split("'")[1]
    _execute(str(staff.operator.home.url), granting)
    staff.viewer.done("list")


def test_a_worker_that_lacks_a_right_is_told_which(staff: Staff) -> None:
    _execute(str(staff.operator.home.url), f"REVOKE UPDATE ON queuectl.runs FROM {_role_of(staff.worker)}")

    status, detail = rights(staff.worker)

    assert (status, "it lacks UPDATE on runs" in detail) == ("warning", True)


def _role_of(host: Host) -> str:
    return str(host.home.url).rpartition("role%3D")[2]


def test_the_readme_names_every_role() -> None:
    assert all(f"CREATE ROLE {role}" in README.read_text(encoding="utf-8") for role in ROLES)
