"""The demo is run as `make demo` runs it, on fewer files, and everything it claims is checked again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from queuectl_core import Job, JobState, Outcome, open_store, page, show
from tests.demo.run import Source, is_right, library

FILES = 200
SCRIPT = Path(__file__).with_name("run.py")


class Shown:
    """What a finished demo printed and left behind."""

    def __init__(self, folder: Path, text: str) -> None:
        self.text = text
        [self.folder] = folder.glob("queuectl-demo-*")

    def jobs(self) -> list[Job]:
        with open_store(str(self.folder / "home")) as store:
            return store.run(page(limit=10_000))

    def history(self, job: str) -> list[Outcome | None]:
        with open_store(str(self.folder / "home")) as store:
            return [attempt.outcome for attempt in store.run(show(job))[1]]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, str(SCRIPT), "--files", str(FILES), "--keep"]
    done = subprocess.run(
        command, env={**os.environ, "TMPDIR": str(folder)}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Shown(folder, done.stdout)


def test_every_checksum_agrees_with_hashlib(shown: Shown) -> None:
    sources = [Source(path, shown.folder / "results" / str(n)) for n, path in enumerate(library(FILES))]

    assert len(sources) == FILES
    assert all(is_right(source) for source in sources)
    assert f"All {FILES} checksums agree with hashlib" in shown.text


def test_a_wrong_checksum_is_noticed(shown: Shown, tmp_path: Path) -> None:
    source = Source(library(1)[0], tmp_path / "0")
    right = shown.folder / "results" / "0"
    Path(f"{source.result}.gz").write_bytes(Path(f"{right}.gz").read_bytes())
    Path(f"{source.result}.sha256").write_text("0" * 64 + "  -\n")

    assert not is_right(source)


def test_every_job_ended_as_it_should(shown: Shown) -> None:
    states = {job.id: job.state for job in shown.jobs() if job.name}
    files = [job.state for job in shown.jobs() if job.queue == "files"]

    assert files == [JobState.COMPLETED] * FILES
    assert states == {
        "third-time": JobState.COMPLETED,
        "needs-orders": JobState.COMPLETED,
        "exit-3": JobState.DEAD,
        "not-found": JobState.DEAD,
        "too-slow": JobState.DEAD,
    }


def test_the_history_tells_how_each_troubled_job_ran(shown: Shown) -> None:
    failed, completed, timed_out = Outcome.FAILED, Outcome.COMPLETED, Outcome.TIMED_OUT

    assert shown.history("third-time") == [failed, failed, completed]
    assert shown.history("needs-orders") == [failed, failed, completed]
    assert shown.history("exit-3") == [failed] * 4
    assert shown.history("not-found") == [failed] * 2
    assert shown.history("too-slow") == [timed_out] * 2


def test_the_output_of_a_failed_job_and_the_dead_letters_are_shown(shown: Shown) -> None:
    assert "this will not do" in shown.text
    assert "exit status 127 (command not found)" in shown.text
    assert "reading the orders\n1,coffee" in shown.text


def test_the_counts_of_status_are_true(shown: Shown) -> None:
    command = [sys.executable, "-m", "queuectl_core", "--home", str(shown.folder / "home"), "status", "--json"]
    status = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert status["jobs"] == {
        "pending": 0,
        "processing": 0,
        "completed": FILES + 2,
        "failed": 0,
        "dead": 3,
        "cancelled": 0,
    }
    assert status["total"] == FILES + 5
