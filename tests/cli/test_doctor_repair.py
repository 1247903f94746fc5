"""What the dead and the forgotten leave: `queuectl doctor` names it, and `--repair` removes it and nothing else."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.model.job import Outcome
from queuectl_core.store.doorbell import Doorbell
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import delete
from queuectl_core.store.transactions.workers import register_pool
from tests.cli.line import CommandLine
from tests.store.acts import put, ran
from tests.store.engines import Engine

BACKUP, DRAFT = "queue.db.v1.backup", "queue.db.v1.backup.part"
WORKER = "abc123-1"


def doctor(queuectl: CommandLine, *options: str) -> dict[str, dict[str, Any]]:
    """What the doctor finds, by check."""
    return {finding["check"]: finding for finding in json.loads(queuectl("doctor", "--json", *options).out)}


def repaired(queuectl: CommandLine) -> str:
    """What a repair says that it did."""
    return str(doctor(queuectl, "--repair")["repair"]["detail"])


def left_behind(home: Home, *, attempts: int = 1, number: int) -> list[Path]:
    """Logs of a job's runs, made here."""
    paths = [Path(home.log(number, attempt)) for attempt in range(1, attempts + 1)]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text("output")
    return paths


def dead_pid() -> int:
    """A pid that is nobody's."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_sound_store_needs_no_repair(queuectl: CommandLine, store: Engine) -> None:
    put(store)

    assert repaired(queuectl) == "nothing was to be mended"


# ---------------------------------------------------------------- run/


def test_locks_bells_and_drafts_of_nobody_are_removed_and_those_of_the_living_are_not(
    queuectl: CommandLine, store: Engine
) -> None:
    home, bells = queuectl.home, Doorbell(queuectl.home)
    strays = [Path(path) for path in (*bells.bells_of(WORKER, ["mail"]), bells.control_of(WORKER), home.lock(WORKER))]
    strays.append(Path(home.run, f".abc123-2.{dead_pid()}"))
    for path in strays[-2:]:
        path.touch()
    living = Hold(home, "def456-1")
    kept = [Path(path) for path in (*bells.bells_of("def456-1", ()), bells.control_of("def456-1"))]
    kept += [Path(home.lock("def456-1")), Path(home.run, f".def456-2.{os.getpid()}")]
    kept[-1].touch()

    found = doctor(queuectl)["run"]
    assert (found["status"], WORKER in found["detail"]) == ("warning", True)
    assert "def456" not in found["detail"]

    assert repaired(queuectl) == "removed 4 files of the dead from run/"
    assert [path for path in strays if path.exists()] == []
    assert [path for path in kept if not path.exists()] == []
    assert doctor(queuectl)["run"]["status"] == "ok"
    living.close()


def test_what_a_dead_pool_on_the_roster_left_is_for_recovery_to_remove(queuectl: CommandLine, store: Engine) -> None:
    store.run(register_pool("abc123", "here", 1, 1))
    lock = Path(queuectl.home.lock("abc123"))
    lock.touch()
    assert doctor(queuectl)["run"]["status"] == "ok"

    repaired(queuectl)

    assert not lock.exists()


# ---------------------------------------------------------------- logs/


def test_logs_of_forgotten_jobs_are_removed_and_no_others(queuectl: CommandLine, store: Engine) -> None:
    kept, gone = ran(store, Outcome.COMPLETED), ran(store, Outcome.COMPLETED)
    orphans = left_behind(queuectl.home, attempts=2, number=gone.number)
    others = left_behind(queuectl.home, number=kept.number)
    others += left_behind(queuectl.home, number=7000)  # a number that no job has had yet
    others.append(others[0].with_name("notes.txt"))
    others[-1].touch()
    store.run(delete([gone.id]))

    found = doctor(queuectl)["orphans"]
    assert (found["status"], "job 2" in found["detail"]) == ("warning", True)

    assert repaired(queuectl) == "removed the logs of 1 job that is gone"
    assert [path for path in orphans if path.exists()] == []
    assert [path for path in others if not path.exists()] == []
    stranger = doctor(queuectl)["orphans"]
    assert (stranger["status"], "7000" in stranger["detail"]) == ("warning", True)
    assert "older" in stranger["advice"]


# ---------------------------------------------------------------- beside the database


def test_a_backup_is_named_and_kept_and_its_draft_is_removed(queuectl: CommandLine) -> None:
    queuectl("init")
    backup, draft = Path(queuectl.home.path, BACKUP), Path(queuectl.home.path, DRAFT)
    for path in (backup, draft):
        path.touch(0o600)

    found = doctor(queuectl)["backups"]
    assert (found["status"], DRAFT in found["detail"]) == ("warning", True)

    assert repaired(queuectl) == "removed 1 copy that a migration did not finish"
    assert (backup.exists(), draft.exists()) == (True, False)
    found = doctor(queuectl)["backups"]
    assert (found["status"], BACKUP in found["detail"], bool(found["advice"])) == ("ok", True, True)


def test_the_draft_of_a_migration_that_runs_is_left_alone(queuectl: CommandLine) -> None:
    queuectl("init")
    draft = Path(queuectl.home.path, DRAFT)
    draft.touch(0o600)
    with open(queuectl.home.lock("schema"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert repaired(queuectl) == "nothing was to be mended"

    assert draft.exists()


def test_a_home_that_is_open_to_others_is_closed(queuectl: CommandLine) -> None:
    queuectl("init")
    home = queuectl.home
    for path, mode in ((home.path, 0o777), (home.run, 0o755), (home.database, 0o644)):
        os.chmod(path, mode)
    assert doctor(queuectl)["permissions"]["status"] == "problem"

    told = queuectl("doctor", "--repair", "--json")

    assert told.status == 0
    assert "closed 3 files to others" in told.out
    for path in (home.path, home.run, home.database):
        assert stat.S_IMODE(os.stat(path).st_mode) & 0o077 == 0
    assert doctor(queuectl)["permissions"]["status"] == "ok"


def test_a_repair_that_fails_is_a_problem_and_says_what_was_done_before(queuectl: CommandLine) -> None:
    queuectl("init")
    os.chmod(queuectl.home.run, 0o755)
    os.mkdir(queuectl.home.lock("recovery"))

    told = queuectl("doctor", "--repair", "--json")

    [found] = [finding for finding in json.loads(told.out) if finding["check"] == "repair"]
    assert (told.status, found["status"]) == (1, "problem")
    assert "closed 1 file to others" in found["detail"]
    assert "recovery.lock" in found["detail"]


# ---------------------------------------------------------------- no store


def test_a_home_that_is_not_there_is_named_and_not_made(queuectl: CommandLine) -> None:
    for options in ((), ("--repair",)):
        told = queuectl("doctor", "--json", *options)
        [problem] = [finding for finding in json.loads(told.out) if finding["status"] == "problem"]
        assert (told.status, problem["check"]) == (1, "home")
        assert "queuectl init" in problem["advice"]
    assert not os.path.exists(queuectl.home.path)


@pytest.mark.parametrize(("empty", "status", "word"), [(False, 1, "no store"), (True, 0, "is empty")])
def test_a_home_without_a_store_is_named_and_none_is_made(
    queuectl: CommandLine, empty: bool, status: int, word: str
) -> None:
    os.mkdir(queuectl.home.path, 0o700)
    if empty:
        Path(queuectl.home.database).touch(0o600)

    told = queuectl("doctor", "--json")

    [found] = [finding for finding in json.loads(told.out) if finding["check"] == "store"]
    assert (told.status, word in found["detail"]) == (status, True)
    assert "queuectl init" in found["advice"]
    assert os.listdir(queuectl.home.path) == (["queue.db"] if empty else [])


@pytest.mark.parametrize("content", [b"no database at all", b"SQLite format 3\0" + b"\0" * 84])
def test_a_backup_is_named_where_the_database_is_damaged(queuectl: CommandLine, content: bytes) -> None:
    queuectl("init")
    Path(queuectl.home.path, BACKUP).touch(0o600)
    Path(queuectl.home.database).write_bytes(content * 50)

    found = doctor(queuectl)["store"]

    assert found["status"] == "problem"
    assert BACKUP in found["advice"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_to_is_named(queuectl: CommandLine) -> None:
    queuectl("init")
    os.chmod(queuectl.home.path, 0o500)

    found = doctor(queuectl)["home"]

    os.chmod(queuectl.home.path, 0o700)
    assert (found["status"], queuectl.home.path in found["detail"]) == ("problem", True)


def test_a_directory_in_which_no_queue_was_made_is_left_as_it_is(queuectl: CommandLine) -> None:
    home = queuectl.home
    for path in (home.path, home.run, home.logs):
        os.makedirs(path, exist_ok=True)
        os.chmod(path, 0o755)

    found = doctor(queuectl, "--repair")

    assert "another --home" in found["permissions"]["advice"]
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (home.path, home.run, home.logs)] == [0o755] * 3
