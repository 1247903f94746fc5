"""The log files of runs: named by numbers, for their owner alone, removed with their jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.execution.logs import make_log, read_end, remove_logs
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import Forgotten, delete
from tests.execution.log_folder import logs_of
from tests.execution.pools import LiveQueue


@pytest.fixture
def open_mask() -> Iterator[None]:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


def write(home: Home, number: int, attempt: int, text: bytes = b"words") -> str:
    """Make a log; its path."""
    log = make_log(home, number, attempt)
    os.write(log, text)
    os.close(log)
    return home.log(number, attempt)


@pytest.mark.usefixtures("open_mask")
def test_a_log_and_its_folder_are_for_their_owner_alone(home: Home) -> None:
    path = write(home, 7, 2)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_a_log_is_named_by_the_number_of_its_job_and_run_a_thousand_jobs_a_folder(home: Home) -> None:
    write(home, 7, 2)
    write(home, 12_345, 1)
    assert logs_of(home) == ["0", "0/7.2.log", "12", "12/12345.1.log"]


def test_no_id_becomes_a_path(queue: LiveQueue) -> None:
    job = queue.put("echo one", id="a.log:b")
    queue.drained()
    assert logs_of(queue.home) == ["0", "0/1.1.log"]
    assert queue.output(job) == b"one\n"
    assert os.stat(queue.home.log(1, 1)).st_mode & 0o777 == 0o600


def test_a_log_starts_empty_and_follows_no_link(home: Home, tmp_path: Path) -> None:
    path = write(home, 7, 1, b"of a run that power loss undid")
    write(home, 7, 1, b"new")
    assert Path(path).read_bytes() == b"new"
    os.unlink(path)
    (tmp_path / "precious").write_text("kept")
    os.symlink(tmp_path / "precious", path)
    with pytest.raises(OSError, match="symbolic link"):
        make_log(home, 7, 1)
    assert (tmp_path / "precious").read_text() == "kept"


def test_the_end_of_a_log_is_its_last_bytes_and_its_size(home: Home) -> None:
    log = make_log(home, 7, 1)
    try:
        assert read_end(log, 100) == (0, b"")
        os.write(log, b"0123456789")
        assert read_end(log, 4) == (10, b"6789")
        assert read_end(log, 100) == (10, b"0123456789")
    finally:
        os.close(log)


# ---------------------------------------------------------------- removed


def test_the_logs_of_forgotten_jobs_are_removed_with_folders_left_empty(home: Home) -> None:
    for number, attempt in ((7, 1), (7, 2), (8, 1), (1500, 1)):
        write(home, number, attempt)
    remove_logs(home, [Forgotten(7, 2), Forgotten(1500, 1)])
    assert logs_of(home) == ["0", "0/8.1.log"]


def test_logs_that_are_gone_already_are_no_error(home: Home) -> None:
    remove_logs(home, [Forgotten(7, 3), Forgotten(9000, 1)])
    assert logs_of(home) == []


def test_the_logs_of_a_deleted_job_are_those_of_all_its_runs(queue: LiveQueue) -> None:
    queue.set(backoff_max=0)
    job = queue.put("echo no; false", max_retries=2)
    queue.drained()
    assert logs_of(queue.home) == ["0", "0/1.1.log", "0/1.2.log", "0/1.3.log"]
    gone = queue.run(delete([job]))
    remove_logs(queue.home, gone)
    assert logs_of(queue.home) == []
