"""`queuectl doctor` and its checks."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from queuectl_core.cli import home_checks
from queuectl_core.cli.findings import Status
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import schema
from queuectl_core.store.transactions.statistics import miscounted
from queuectl_core.store.transactions.workers import register_pool, register_worker
from tests.cli.line import CommandLine
from tests.store.acts import look, put, started
from tests.store.engines import Engine


def findings(queuectl: CommandLine, *options: str) -> dict[str, dict[str, Any]]:
    """What the doctor finds, by check."""
    return {finding["check"]: finding for finding in json.loads(queuectl("doctor", "--json", *options).out)}


def break_counts(home: Home) -> None:
    """Have the store count a job that there is not."""
    connection = sqlite3.connect(home.database)
    connection.execute("INSERT INTO tallies (minute, queue, measure, n) VALUES (2147483647, 'ghost', 'pending', 3)")
    connection.commit()
    connection.close()


def test_a_sound_store_has_no_problem(queuectl: CommandLine, store: Engine) -> None:
    put(store)

    ran = queuectl("doctor", "--json")

    assert (ran.status, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert all(finding.keys() == {"check", "status", "detail", "advice"} for finding in found)
    of_store = {"store", "schema", "integrity", "wal", "counts", "workers", "survivors"}
    assert {finding["check"] for finding in found} >= {"sqlite", "permissions", "disk", "logs"} | of_store
    assert {finding["status"] for finding in found} <= {"ok", "warning"}


def test_in_a_pipe_each_check_is_a_line(queuectl: CommandLine) -> None:
    queuectl("init")

    lines = queuectl("doctor").out.splitlines()

    assert "integrity\tok\tthe file is sound\t-" in lines


def test_a_file_that_is_no_store_is_named(queuectl: CommandLine) -> None:
    queuectl("init")
    for name in os.listdir(queuectl.home.path):
        if name.startswith("queue.db"):
            os.unlink(f"{queuectl.home.path}/{name}")
    with open(queuectl.home.database, "wb") as file:
        file.write(b"this is a letter, not a database" * 100)

    ran = queuectl("doctor", "--json")

    [finding] = [finding for finding in json.loads(ran.out) if finding["check"] == "store"]
    assert (ran.status, finding["status"]) == (1, "problem")
    assert queuectl.home.database in finding["detail"]
    assert finding["advice"]


def test_a_damaged_file_is_a_problem(queuectl: CommandLine, store: Engine) -> None:
    for _ in range(50):
        put(store, "echo " + "x" * 2000)
    queuectl("doctor")
    connection = sqlite3.connect(queuectl.home.database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with open(queuectl.home.database, "r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 20)

    ran = queuectl("doctor", "--json")

    assert ran.status == 1
    assert "problem" in {finding["status"] for finding in json.loads(ran.out)}
    assert "Traceback" not in ran.err


def test_a_home_that_others_can_read_is_a_warning(queuectl: CommandLine) -> None:
    queuectl("init")
    os.chmod(queuectl.home.path, 0o755)

    found = findings(queuectl)["permissions"]

    assert found["status"] == "warning"
    assert "chmod" in found["advice"]


def test_a_home_that_others_can_write_is_a_problem_though_the_store_does_not_open(
    queuectl: CommandLine,
) -> None:
    queuectl("init")
    os.chmod(queuectl.home.path, 0o777)

    ran = queuectl("doctor", "--json")

    assert ran.status == 1
    assert {finding["check"] for finding in json.loads(ran.out) if finding["status"] == "problem"} == {
        "permissions",
        "store",
    }


def test_wrong_counts_are_a_problem_that_repair_mends(queuectl: CommandLine, store: Engine) -> None:
    put(store)
    break_counts(queuectl.home)

    assert queuectl("doctor").status == 1
    assert "3 jobs pending in ghost" in findings(queuectl)["counts"]["detail"]

    ran = queuectl("doctor", "--repair")
    assert ran.status == 0
    assert "1 wrong count" in ran.out
    assert store.run(miscounted()) == {}


def test_a_lost_worker_is_a_warning_and_repair_gives_its_job_on(queuectl: CommandLine, store: Engine) -> None:
    store.run(register_pool("abc123", "here", 1, 1))
    store.run(register_worker("abc123-1", "abc123", "here", 1, (), 0))
    job = put(store)
    started(store)

    found = findings(queuectl)["workers"]
    assert found["status"] == "warning"
    assert "abc123-1" in found["detail"]

    assert "recovered 1 lost job" in findings(queuectl, "--repair")["repair"]["detail"]
    assert look(store, job).state == "failed"
    assert findings(queuectl)["workers"]["status"] == "ok"


def test_large_logs_are_named(queuectl: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_checks, "LARGE_LOG", 1000)
    queuectl("init")
    os.makedirs(f"{queuectl.home.logs}/0")
    for name, length in (("1.1", 999), ("2.1", 1001)):
        with open(f"{queuectl.home.logs}/0/{name}.log", "wb") as file:
            file.truncate(length)

    found = findings(queuectl)["logs"]

    assert found["status"] == "warning"
    assert "2.1.log" in found["detail"]
    assert "1.1.log" not in found["detail"]


@pytest.mark.parametrize("inner", ["", "/0"])
def test_no_link_in_the_place_of_logs_is_followed(queuectl: CommandLine, tmp_path: Path, inner: str) -> None:
    queuectl("init")
    foreign = tmp_path / "foreign"
    (foreign / "0").mkdir(parents=True)
    for place in ("1.1.log", "0/1.1.log"):
        (foreign / place).write_text("precious")
    logs = Path(f"{queuectl.home.logs}{inner}")
    if not inner:
        logs.rmdir()
    logs.symlink_to(foreign)

    for options in ((), ("--repair",)):
        found = findings(queuectl, *options)
        assert found["logs"]["detail"] == "0 files, 0 B"
        assert inner or found["permissions"]["detail"] == f"{logs} is a symbolic link"
    assert {file.read_text() for file in foreign.rglob("*.log")} == {"precious"}


class Disk(NamedTuple):
    """What statvfs says."""

    f_bavail: int
    f_frsize: int = 4096
    f_files: int = 1_000_000
    f_favail: int = 900_000


@pytest.fixture
def disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> list[Disk]:
    """A disk as a test wants it: the last of the list."""
    disks = [Disk(10_000_000)]
    os.mkdir(home.path, 0o700)
    monkeypatch.setattr(os, "statvfs", lambda _: disks[-1])
    return disks


@pytest.mark.parametrize(
    ("blocks", "inodes", "status"),
    [
        (10_000_000, 900_000, {"disk": Status.OK, "inodes": Status.OK}),
        (10_000, 900_000, {"disk": Status.WARNING, "inodes": Status.OK}),
        (10, 900_000, {"disk": Status.PROBLEM, "inodes": Status.OK}),
        (10_000_000, 500, {"disk": Status.OK, "inodes": Status.WARNING}),
        (10_000_000, 0, {"disk": Status.OK, "inodes": Status.PROBLEM}),
    ],
)
def test_room_that_runs_out_is_told_in_time(
    home: Home, disk: list[Disk], blocks: int, inodes: int, status: dict[str, Status]
) -> None:
    disk.append(Disk(blocks, f_favail=inodes))

    found = {finding.check: finding.status for finding in home_checks.check_home(home)}

    assert {name: found[name] for name in status} == status


def test_an_affected_sqlite_is_a_warning(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for version, expected in (
        ((3, 40, 1), Status.WARNING),
        ((3, 51, 3), Status.OK),
        ((3, 30, 0), Status.PROBLEM),
    ):
        monkeypatch.setattr(schema, "sqlite_version", lambda version=version: version)

        assert next(home_checks.check_home(home)).status is expected


def test_jobs_that_wait_longer_since_the_clock_was_set_back_are_told(queuectl: CommandLine, store: Engine) -> None:
    queuectl("enqueue", "--delay", "1h", "--", "true")
    assert findings(queuectl)["delays"]["status"] == "ok"

    store.clock.now = time.time_ns() // 1_000_000 + 3 * 3_600_000
    put(store, delay=5)
    found = findings(queuectl)["delays"]

    assert found["status"] == "warning"
    assert re.fullmatch(r"job 2 waits up to (2h59m|3h) too long: the clock was set back since", found["detail"])
    assert "edit ID --delay 0" in found["advice"]
