"""The log files of runs: named by numbers, for their owner alone, removed with their jobs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.execution.logs import LogMaker, make_log, open_log, read_end, remove_logs
from queuectl_core.store.home import Home, prepare_folders, prepare_home
from queuectl_core.store.transactions.changes import Forgotten, delete
from tests.execution.pools import LiveQueue, lives, pids_in
from tests.execution.waiting import eventually


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is prepared."""
    made = Home(str(tmp_path / "home"))
    prepare_home(made)
    prepare_folders(made)
    return made


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


def logs_of(home: Home) -> list[str]:
    """Every file and folder below `logs/`."""
    return sorted(str(path.relative_to(home.logs)) for path in Path(home.logs).rglob("*"))


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


# ---------------------------------------------------------------- logs that nothing was written to


@pytest.fixture
def maker(home: Home) -> Iterator[LogMaker]:
    """What makes the logs of one worker."""
    with LogMaker(home) as made:
        yield made


def test_a_log_that_stayed_empty_becomes_that_of_the_next_run(home: Home, maker: LogMaker) -> None:
    first = maker.make(7, 1)
    node = os.fstat(first).st_ino
    maker.done(first, alone=True)
    second = maker.make(8, 1)
    assert (os.fstat(second).st_ino, logs_of(home)) == (node, ["0", "0/8.1.log"])
    maker.done(second, alone=True)


def test_a_log_with_output_stays(home: Home, maker: LogMaker) -> None:
    log = maker.make(7, 1)
    os.write(log, b"words")
    maker.done(log, alone=True)
    maker.done(maker.make(8, 1), alone=True)
    assert logs_of(home) == ["0", "0/7.1.log", "0/8.1.log"]
    assert Path(home.log(7, 1)).read_bytes() == b"words"


def test_a_log_that_somebody_may_still_write_to_stays(home: Home, maker: LogMaker) -> None:
    maker.done(maker.make(7, 1), alone=False)
    maker.done(maker.make(8, 1), alone=True)
    assert logs_of(home) == ["0", "0/7.1.log", "0/8.1.log"]


def test_a_log_that_is_read_stays(home: Home, maker: LogMaker) -> None:
    log = maker.make(7, 1)
    reader = open_log(home.log(7, 1))
    maker.done(log, alone=True)
    maker.done(maker.make(8, 1), alone=True)
    assert logs_of(home) == ["0", "0/7.1.log", "0/8.1.log"]
    os.close(reader)


def test_a_log_that_is_taken_while_it_is_opened_is_gone(home: Home, maker: LogMaker) -> None:
    maker.done(maker.make(7, 1), alone=True)
    path = home.log(7, 1)
    real = os.open
    taken: list[int] = []

    def open_and_be_overtaken(name: str, *args: object, **keywords: object) -> int:
        handle = real(name, *args, **keywords)  # type: ignore[arg-type]
        if name == "7.1.log" and not taken:
            taken.append(maker.make(8, 1))
        return handle

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "open", open_and_be_overtaken)
        with pytest.raises(FileNotFoundError):
            open_log(path)
    maker.done(taken[0], alone=True)


def test_a_log_that_was_removed_with_its_job_is_made_anew(home: Home, maker: LogMaker) -> None:
    maker.done(maker.make(7, 1), alone=True)
    remove_logs(home, [Forgotten(7, 1)])
    log = maker.make(8, 1)
    assert logs_of(home) == ["0", "0/8.1.log"]
    assert os.path.samestat(os.fstat(log), os.stat(home.log(8, 1)))
    maker.done(log, alone=True)


def test_jobs_that_print_nothing_leave_one_log_together(queue: LiveQueue) -> None:
    silent = [queue.put("true") for _ in range(9)]
    loud = queue.put("echo words")
    queue.drained()
    assert len(logs_of(queue.home)) <= 3
    assert queue.output(loud) == b"words\n"
    assert {queue.runs(job)[0].output_bytes for job in silent} == {0}


def test_what_a_success_leaves_behind_goes_on_writing_to_its_own_log(queue: LiveQueue, tmp_path: Path) -> None:
    pids, gate = tmp_path / "pids", queue.gate("late")
    left = queue.put(f"({gate.command}; echo late) & echo $! > {pids}")
    after = [queue.put("true") for _ in range(3)]
    queue.drained()
    [child] = pids_in(pids)
    gate.open()
    eventually(lambda: not lives(child), what="it has written")
    assert queue.output(left) == b"late\n"
    assert {queue.runs(job)[0].output_bytes for job in after} == {0}
    assert "0/1.1.log" in logs_of(queue.home)


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
