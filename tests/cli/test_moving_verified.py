"""`queuectl import`: what has come into the store is read back, and held against what was exported."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.cli import moved_tally
from queuectl_core.model.job import Command, NewJob, Outcome
from queuectl_core.store.transactions.moving_in import unfinished
from queuectl_core.store.transactions.settings import set_setting
from tests.cli.line import CommandLine, at_terminal
from tests.cli.moved import between, exported, file, fill, lines, there, write
from tests.cli.moved_to import ServerLine, Target, kill_before, server, target
from tests.postgres.fixtures import own_postgres, postgres
from tests.store.acts import ended, put, put_many, start, started
from tests.store.engines import Engine

__all__ = ["file", "own_postgres", "postgres", "server", "target", "there"]

HOSTILE: list[Command] = [
    "echo 'e\u0301 \U0001f469\u200d\U0001f680' \u2028 \ufeff \u202e \\u0000 \\x00 \"'`$(:)",
    "\x01\x1b[31m\x7f\x9b\r\n\t\x85",
    ("printf", "", "e\u0301", "\xe9", "%s\n", '{"job":1}', "\U0010ffff"),
    "x" * 130_000,
]
LARGEST = 2**63 - 1


def contents(path: Path) -> str:
    """The checksum of the contents that an export tells."""
    return str(lines(path)[-1]["footer"]["contents"])


def brought(queuectl: CommandLine, store: Engine, target: Target, file: Path) -> None:
    """Bring all jobs of a queue with something of everything, and die before any was read back."""
    fill(store)
    kill_before("chunk", 1, target, "import", str(exported(queuectl, file)))


DAMAGES = {
    "command": ("UPDATE jobs SET command = 'rm' WHERE number = 2", "job 2 is"),
    "instant": ("UPDATE jobs SET due = due + 1 WHERE number = 2", "job 2 is"),
    "variable": ("""UPDATE jobs SET env = '{"SECRET": "u"}' WHERE number = 1""", "job 1 is"),
    "run": ("UPDATE runs SET duration_ms = duration_ms + 1 WHERE job = 3", "job 3 is"),
    "output": ("UPDATE tails SET output = substr(output, 2) WHERE job = 1", "job 1 is"),
    "lost output": ("DELETE FROM tails WHERE job = 3", "job 3 is"),
    "lost run": ("DELETE FROM runs WHERE job = 4", "2 runs, not 3; job 4 is"),
    "lost job": ("DELETE FROM jobs WHERE number = 3", "0 failed in again, not 1; 2 runs, not 3; job 3 is"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_changed_in_the_store_before_the_end_is_found(
    queuectl: CommandLine, store: Engine, target: Target, file: Path, damage: str
) -> None:
    sql, told = DAMAGES[damage]
    brought(queuectl, store, target, file)
    target.alter(sql)

    ran = target("import", str(file))

    assert (ran.status, ran.out) == (1, "")
    assert ran.err == (
        f"queuectl: the store holds something else than the file: {told} the first that differs: it was changed or "
        "damaged meanwhile: give up with 'queuectl import --discard', and import again\n"
    )
    with target.store() as half:
        assert half.run(unfinished()) is not None
        assert start(half) is None


def test_what_cannot_be_read_back_is_told_with_what_to_do(
    queuectl: CommandLine, store: Engine, target: Target, file: Path
) -> None:
    brought(queuectl, store, target, file)
    target.alter("""UPDATE jobs SET env = '{"SECRET": "' WHERE number = 1""")

    ran = target("import", str(file))

    assert ran.err.startswith("queuectl: the store holds what cannot be read: Unterminated string")
    assert ran.err.endswith("give up with 'queuectl import --discard', and import again\n")
    assert target("import", "--discard", "--yes").status == 0


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("UPDATE jobs SET priority = 1 WHERE number = 7", "the first that differs is among jobs 5 to 8"),
        ("UPDATE jobs SET priority = 1 WHERE number = 9", "job 9 is the first that differs"),
        (
            "DELETE FROM jobs WHERE number = 1",
            "8 pending in default, not 9; the first that differs is among jobs 1 to 4",
        ),
    ],
)
def test_where_a_large_queue_differs_is_told_by_and_large(
    queuectl: CommandLine,
    store: Engine,
    target: Target,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
    sql: str,
    told: str,
) -> None:
    monkeypatch.setattr(moved_tally, "MOST_PLACES", 4)
    put_many(store, *[NewJob("true")] * 9)
    kill_before("chunk", 1, target, "import", str(exported(queuectl, file)))
    target.alter(sql)

    assert f"the store holds something else than the file: {told}" in target("import", str(file)).err


def test_who_does_as_the_error_says_has_the_queue_whole(
    queuectl: CommandLine, store: Engine, target: Target, file: Path, tmp_path: Path
) -> None:
    brought(queuectl, store, target, file)
    target.alter("UPDATE jobs SET command = 'rm' WHERE number = 2")
    assert target("import", str(file)).status == 1

    assert target("import", "--discard", "--yes").status == 0
    assert target("import", str(file)).out == "imported 5 jobs with 3 runs\n"

    assert contents(exported(target, tmp_path / "again")) == contents(file)


KILLS = [
    ("begin_import", 1), ("bring", 1), ("bring", 2), ("bring", 2), ("chunk", 1), ("chunk", 2), ("chunk", 4),
    ("finish_import", 1),
]  # fmt: skip


def test_an_import_that_is_killed_again_and_again_goes_on_to_its_end(
    queuectl: CommandLine, store: Engine, target: Target, file: Path, tmp_path: Path
) -> None:
    fill(store)
    exported(queuectl, file)

    for transaction, nth in KILLS:
        kill_before(transaction, nth, target, "import", str(file))
        with target.store() as half:
            assert start(half) is None
            assert (half.run(unfinished()) is None) == (transaction == "begin_import")

    ran = target("import", str(file))
    assert ran.out == "imported 5 jobs with 3 runs\n"
    assert "verified: all of it was read back, and has the counts and the checksum of what was exported" in ran.err
    assert between(exported(target, tmp_path / "again")) == between(file)


def test_the_worst_that_a_job_can_hold_comes_back_from_a_server_with_its_checksum(
    queuectl: CommandLine, store: Engine, server: ServerLine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    for command in HOSTILE:
        put(store, command, env={"\U0001f600": "\ufffe\n'\""}, timeout=3e8)
        tail = bytes(range(256)) * 16
        ended(store, started(store), Outcome.FAILED, tail=tail, error="\U0001f4a5 \ud7ff", output_bytes=2**40)
    store.run(set_setting("backoff_base", "1.7"))
    store.run(set_setting("backoff_jitter", "0.1"))

    assert checksums_of_a_round_trip(exported(queuectl, file), server, there, tmp_path) == {contents(file)}


def test_the_largest_and_the_least_that_a_job_can_hold_come_back_too(
    queuectl: CommandLine, store: Engine, server: ServerLine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    fill(store)
    content = lines(exported(queuectl, file))
    least, largest = content[4]["job"], content[-2]["job"]
    least.update(due=-LARGEST, created_at=-LARGEST, priority=-1000, name=None, worker=None, timeout_ms=None)
    content[0]["header"]["last_number"] = 10**18 - 1
    largest.update(number=10**18 - 1, due=LARGEST, timeout_ms=LARGEST, updated_at=LARGEST, max_retries=2**31 - 2)
    content[4]["job"]["history"][0].update(output_bytes=LARGEST, duration_ms=LARGEST)
    write(file, content)

    assert len(checksums_of_a_round_trip(file, server, there, tmp_path)) == 1


def test_a_queue_without_jobs_has_a_checksum_too(
    queuectl: CommandLine, store: Engine, server: ServerLine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    exported(queuectl, file)

    assert checksums_of_a_round_trip(file, server, there, tmp_path) == {contents(file)}


def checksums_of_a_round_trip(file: Path, server: ServerLine, there: CommandLine, tmp_path: Path) -> set[str]:
    """Bring a file into a server, and what that exports into a home; the checksums of what both hold in the end."""
    imported = server("import", str(file))
    assert imported.status == 0, imported.err
    returned = exported(server, tmp_path / "returned")
    assert there("import", str(returned)).status == 0
    return {contents(returned), contents(exported(there, tmp_path / "again"))}


def test_what_ran_arrives_with_the_checksum_that_its_export_foretold(
    queuectl: CommandLine, store: Engine, target: Target, file: Path, tmp_path: Path
) -> None:
    put(store)
    started(store)
    assert queuectl("export", "--running", str(file)).status == 0

    assert target("import", str(file)).status == 0

    assert contents(exported(target, tmp_path / "again")) == contents(file)


def test_a_file_of_before_there_was_a_checksum_of_the_contents_is_verified_all_the_same(
    queuectl: CommandLine, store: Engine, target: Target, file: Path
) -> None:
    fill(store)
    write(file, lines(exported(queuectl, file)))
    assert "contents" not in lines(file)[-1]["footer"]
    kill_before("chunk", 1, target, "import", str(file))
    target.alter("UPDATE runs SET exit_code = 4 WHERE job = 3")

    assert "job 3 is the first that differs" in target("import", str(file)).err

    target.alter("UPDATE runs SET exit_code = 3 WHERE job = 3")
    assert target("import", str(file)).out == "imported 5 jobs with 3 runs\n"


def test_settings_are_read_back_too(queuectl: CommandLine, store: Engine, target: Target, file: Path) -> None:
    brought(queuectl, store, target, file)
    assert target("config", "set", "kill_grace", "3").status == 0

    ran = target("import", str(file))

    assert ran.err == (
        "queuectl: the store keeps other settings than the file: kill_grace: "
        "unset them with 'queuectl config unset', and import the file again\n"
    )
    with target.store() as half:
        assert half.run(unfinished()) is not None
        assert start(half) is None
    assert target("config", "unset", "kill_grace").status == 0
    assert target("import", str(file)).out == "imported 5 jobs with 3 runs\n"
    assert target("config", "get", "workers").out == "7\n"


def test_a_terminal_shows_how_far_the_verification_is(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    fill(store)
    exported(queuectl, file)

    ran = at_terminal(there.home, "import", str(file))

    assert (ran.status, "importing" in ran.out, "verifying" in ran.out) == (0, True, True)
