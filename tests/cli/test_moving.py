"""`queuectl export` and `queuectl import`: a queue there and back, and the file in between."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, NewJob
from queuectl_core.model.moved import MovedJob
from queuectl_core.store.home import Home
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.jobs import count_matching
from queuectl_core.store.transactions.moving import chunk
from queuectl_core.store.transactions.statistics import miscounted
from tests.cli.line import CommandLine, program, run_program, store_at
from tests.cli.moved import ROOT, alive, between, exported, file, fill, fill_much, kill_and_go_on, lines, there
from tests.store.acts import put, put_many, started
from tests.store.engines import Engine

__all__ = ["file", "there"]


def test_the_export_of_an_import_is_the_export(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    fill(store)
    exported(queuectl, file)

    assert there("import", str(file)).out == "imported 5 jobs with 3 runs\n"

    again = exported(there, tmp_path / "again")
    assert between(again) == between(file)
    states = {line["job"]["state"] for line in lines(file) if "job" in line}
    assert states == set(JobState) - {JobState.PROCESSING}
    with store_at(there.home) as arrived:
        assert arrived.run(miscounted()) == {}


def test_a_queue_without_jobs_moves_too(queuectl: CommandLine, there: CommandLine, file: Path) -> None:
    queuectl("config", "set", "workers", "3")
    exported(queuectl, file)

    assert there("import", str(file)).out == "imported 0 jobs with 0 runs\n"
    assert there("config", "get", "workers").out == "3\n"


def test_it_goes_through_a_pipe(home: Home, store: Engine, there: CommandLine) -> None:
    fill(store)

    sent = run_program(home, "export")
    received = run_program(there.home, "import", "-", stdin=sent.out)

    assert (sent.status, received.status, received.out) == (0, 0, "imported 5 jobs with 3 runs\n")


def test_the_footer_is_true_of_the_lines(queuectl: CommandLine, store: Engine, file: Path) -> None:
    fill(store)

    *_, footer = lines(exported(queuectl, file))

    before = file.read_bytes().splitlines(keepends=True)[:-1]
    counts = {"again": {"failed": 1}, "dead": {"dead": 1}, "default": {"pending": 1}, "done": {"completed": 1}}
    facts = {"jobs": 5, "runs": 3, "settings": 1, "paused": 2, "counts": {**counts, "x": {"cancelled": 1}}}
    checksums = {
        "sha256": hashlib.sha256(b"".join(before)).hexdigest(),
        "contents": hashlib.sha256(b"".join(before[1:])).hexdigest(),
    }
    assert footer == {"footer": {**facts, **checksums}}


def test_a_run_that_goes_on_is_released_and_its_token_stays(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path
) -> None:
    put(store, max_retries=0)
    run = started(store)

    assert "1 job was running" in queuectl("export", str(file)).err
    assert queuectl("export", "--running", str(file)).status == 0
    there("import", str(file))

    assert run.token not in file.read_text()
    shown = there.json("show", "1")
    assert (shown["state"], shown["attempts"], shown["history"][0]["outcome"]) == ("pending", 0, "released")


def test_a_variable_that_is_longer_than_a_new_job_may_have_is_moved(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("queuectl_core.model.validation.LONGEST_WORD", 10**6)
        put(store, env={"A": "x" * 140_000})

    assert there("import", str(exported(queuectl, file))).status == 0


def test_the_tail_of_a_run_is_base64(queuectl: CommandLine, store: Engine, file: Path) -> None:
    fill(store)

    job = lines(exported(queuectl, file))[4]["job"]

    assert base64.b64decode(job["history"][0]["tail"]) == b"\xff\0out"


def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(
    queuectl: CommandLine, store: Engine, file: Path
) -> None:
    put(store, env={"SECRET": "x"})
    before = os.umask(0)
    try:
        exported(queuectl, file)
    finally:
        os.umask(before)

    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.iterdir()) == ["home", "queue.jsonl"]


def test_a_file_that_exists_is_left_alone(queuectl: CommandLine, store: Engine, file: Path) -> None:
    file.write_text("mine")

    ran = queuectl("export", str(file))

    assert (ran.status, file.read_text()) == (1, "mine")
    assert "exists, and an export overwrites nothing" in ran.err


def test_an_export_that_fails_leaves_nothing(
    queuectl: CommandLine, store: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("queuectl_core.cli.export_file.os.fsync", no_room)

    ran = queuectl("export", str(file))

    assert ran.err.endswith(f"cannot write {file}: No space left on device: nothing was exported\n")
    assert (ran.status, sorted(path.name for path in file.parent.iterdir())) == (1, ["home"])


def test_a_queue_that_is_worked_on_is_exported_on_demand_alone(
    queuectl: CommandLine, store: Engine, home: Home, file: Path
) -> None:
    with alive(home, "pool-1"):
        refused = queuectl("export", str(file))
        assert queuectl("export", "--running", str(file)).status == 0

    assert (refused.status, refused.out) == (1, "")
    assert "workers are alive: stop them with 'queuectl worker stop', or add --running" in refused.err


def test_a_queue_that_changes_meanwhile_is_told_of(
    queuectl: CommandLine, store: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)

    def arriving(after: int, last: int) -> Transaction[list[MovedJob]]:
        put(store, "came meanwhile")
        return chunk(after, last)

    monkeypatch.setattr("queuectl_core.cli.moving.chunk", arriving)

    ran = queuectl("export", str(file))

    assert "the queue changed meanwhile" in ran.err
    assert lines(file)[-1]["footer"]["jobs"] == 1


def test_an_import_that_is_killed_goes_on_where_it_was(
    queuectl: CommandLine, store: Engine, there: CommandLine, file: Path, tmp_path: Path
) -> None:
    fill_much(store)
    exported(queuectl, file)
    there("init")

    with store_at(there.home) as half:
        kill_and_go_on(there, program(there.home, "import", "-"), half, file)

    assert between(exported(there, tmp_path / "again")) == between(file)


MEASURED = """
import sys
from queuectl_core.cli import main, output
status = output.finish(main.run(sys.argv[1:]))
[peak] = [line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(peak)
sys.exit(status)
"""


def peak(home: Home, *arguments: str) -> int:
    """How much memory (KiB) a command took at most."""
    command = [sys.executable, "-c", MEASURED, "--home", home.path, *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=300)
    return int(ended.stdout.split()[-1])


def test_many_jobs_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    peaks = []
    for size in (2_000, 30_000):
        source, target = (Home(str(tmp_path / f"{name}{size}")) for name in ("from", "to"))
        with store_at(source) as store:
            put_many(store, *[NewJob("true", env={"A": "x" * 50})] * size, batch=1000)
        file = str(tmp_path / str(size))
        peaks.append((peak(source, "export", file), peak(target, "import", file)))
        with store_at(target) as store:
            assert store.run(count_matching()) == size

    (export_few, import_few), (export_many, import_many) = peaks
    assert export_many < export_few + 3_000
    assert import_many < import_few + 3_000
