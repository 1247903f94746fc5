"""The one log that silent runs of a worker have after one another, and how a run comes to a log of its own."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.execution import recovery
from queuectl_core.execution.lent_logs import LogMaker, keep_blank, remove_blank
from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.logs import make_log, open_log, remove_logs
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.changes import Forgotten
from queuectl_core.store.transactions.claims import Ask, take_turn
from queuectl_core.store.transactions.jobs import history, tail
from tests.execution.log_folder import logs_of
from tests.execution.pools import LiveQueue, lives, pids_in
from tests.execution.waiting import eventually

WORKER = "a1b2-1"
BLANK = ".a1b2-1.log"


@pytest.fixture
def maker(home: Home) -> Iterator[LogMaker]:
    """What makes the logs of one worker."""
    with LogMaker(home, WORKER) as made:
        yield made


def ended(maker: LogMaker, number: int, text: bytes = b"", *, lasts: bool = False) -> None:
    """A run that wrote this and ended; `lasts` where it took more than its first moments."""
    log = maker.make(number, 1)
    if lasts:
        maker.keep()
    os.write(log, text)
    maker.done(is_blank=not text)


def node(log: int) -> int:
    """What tells the file from every other that there is."""
    return os.fstat(log).st_ino


def test_silent_runs_that_are_short_share_one_hidden_log(home: Home, maker: LogMaker) -> None:
    seen = set()
    for number in (7, 8, 1500):
        seen.add(node(maker.make(number, 1)))
        maker.done(is_blank=True)
    assert len(seen) == 1
    assert [name for name in logs_of(home) if name.endswith(".log")] == [BLANK]
    assert os.stat(f"{home.logs}/{BLANK}").st_mode & 0o777 == 0o600


def test_a_run_that_wrote_has_a_log_of_its_own_when_it_ends(home: Home, maker: LogMaker) -> None:
    ended(maker, 7)
    ended(maker, 8, b"words")
    ended(maker, 9)
    assert logs_of(home) == [BLANK, "0", "0/8.1.log"]
    assert Path(home.log(8, 1)).read_bytes() == b"words"


def test_a_run_that_lasts_has_a_log_of_its_own_while_it_goes_on(home: Home, maker: LogMaker) -> None:
    log = maker.make(7, 1)
    maker.keep()
    assert logs_of(home) == ["0", "0/7.1.log"]
    os.write(log, b"words")
    maker.done(is_blank=False)
    ended(maker, 8)
    assert Path(home.log(7, 1)).read_bytes() == b"words"


def test_a_log_that_stayed_empty_is_taken_back(home: Home, maker: LogMaker) -> None:
    first = node(maker.make(7, 1))
    maker.keep()
    maker.done(is_blank=True)
    assert logs_of(home) == ["0", "0/7.1.log"]
    assert node(maker.make(8, 1)) == first
    assert logs_of(home) == ["0", "0/8.1.log"], "the next run will last as long"
    maker.done(is_blank=True)
    assert node(maker.make(9, 1)) == first
    assert logs_of(home) == [BLANK, "0"], "or not"
    maker.done(is_blank=True)


def test_a_log_that_somebody_may_still_write_to_is_not_lent_again(home: Home, maker: LogMaker) -> None:
    maker.make(7, 1)
    maker.done(is_blank=False)
    ended(maker, 8)
    assert logs_of(home) == [BLANK, "0", "0/7.1.log"]


def test_a_log_that_is_read_stays(home: Home, maker: LogMaker) -> None:
    ended(maker, 7, lasts=True)
    reader = open_log(home.log(7, 1))
    ended(maker, 8)
    assert logs_of(home) == [BLANK, "0", "0/7.1.log"]
    os.close(reader)


def test_a_log_that_is_taken_back_while_it_is_opened_is_gone(home: Home, maker: LogMaker) -> None:
    ended(maker, 7, lasts=True)
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
    maker.done(is_blank=True)


def test_what_has_another_file_in_its_place_is_not_taken_back(home: Home, maker: LogMaker) -> None:
    ended(maker, 7, lasts=True)
    os.unlink(home.log(7, 1))
    Path(home.log(7, 1)).write_text("of somebody else")
    ended(maker, 8, b"words")
    assert Path(home.log(7, 1)).read_text() == "of somebody else"
    assert Path(home.log(8, 1)).read_bytes() == b"words"


def test_nothing_is_left_where_a_worker_rests(home: Home, maker: LogMaker) -> None:
    ended(maker, 7)
    maker.close()
    assert logs_of(home) == ["0"]


# ---------------------------------------------------------------- what others remove, and what they put there


def test_a_log_whose_folder_was_removed_since_it_was_empty_is_named_all_the_same(home: Home, maker: LogMaker) -> None:
    log = maker.make(7, 1)
    remove_logs(home, [Forgotten(6, 1)])
    assert logs_of(home) == [BLANK]
    os.write(log, b"words")
    maker.done(is_blank=False)
    assert Path(home.log(7, 1)).read_bytes() == b"words"


def test_a_log_that_was_removed_with_all_others_is_made_anew(home: Home, maker: LogMaker) -> None:
    ended(maker, 7)
    shutil.rmtree(home.logs)
    ended(maker, 8, b"words")
    assert Path(home.log(8, 1)).read_bytes() == b"words"


def test_a_run_whose_log_is_removed_meanwhile_ends_well(home: Home, maker: LogMaker) -> None:
    os.write(maker.make(7, 1), b"words")
    shutil.rmtree(home.logs)
    maker.done(is_blank=False)
    ended(maker, 8, b"more words")
    assert Path(home.log(8, 1)).read_bytes() == b"more words"


def test_a_log_that_was_removed_with_its_job_is_made_anew(home: Home, maker: LogMaker) -> None:
    ended(maker, 7, lasts=True)
    remove_logs(home, [Forgotten(7, 1)])
    ended(maker, 8, b"words")
    assert logs_of(home) == ["0", "0/8.1.log"]


def test_what_lies_where_a_log_belongs_is_replaced_and_not_written_to(home: Home, maker: LogMaker) -> None:
    ended(maker, 6, b"made the folder")
    outside = Path(home.path) / "outside"
    outside.write_text("kept")
    os.symlink(outside, home.log(7, 1))
    os.symlink(outside, f"{home.logs}/{BLANK}")
    ended(maker, 7, b"words")
    assert Path(home.log(7, 1)).read_bytes() == b"words"
    assert not os.path.islink(home.log(7, 1))
    assert outside.read_text() == "kept"


def test_a_silent_run_has_not_the_log_of_one_that_was_undone(home: Home, maker: LogMaker) -> None:
    ended(maker, 7, b"words")
    ended(maker, 7)
    assert not os.path.exists(home.log(7, 1))


def test_a_folder_where_a_log_belongs_holds_up_no_other_run(home: Home, maker: LogMaker) -> None:
    ended(maker, 6, b"made the folder")
    os.mkdir(home.log(7, 1))
    ended(maker, 7, b"words")
    ended(maker, 8, b"more words")
    assert Path(home.log(8, 1)).read_bytes() == b"more words"


def test_a_log_that_cannot_be_named_now_is_named_before_the_next_is_made(home: Home, maker: LogMaker) -> None:
    real = os.rename
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rename", no_room)
        ended(maker, 7, b"words", lasts=True)
        with pytest.raises(OSError, match="No space left"):
            maker.make(8, 1)
        maker.close()
        patch.setattr(os, "rename", real)
        ended(maker, 8, b"more words")
    assert Path(home.log(7, 1)).read_bytes() == b"words"
    assert Path(home.log(8, 1)).read_bytes() == b"more words"


def no_room(*_: object, **__: object) -> None:
    """Stands in for a call on a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ---------------------------------------------------------------- of a worker that died


def test_the_blank_of_a_dead_worker_becomes_the_log_of_its_run(home: Home) -> None:
    Path(f"{home.logs}/{BLANK}").write_bytes(b"words")
    keep_blank(home, WORKER, 7, 1)
    assert Path(home.log(7, 1)).read_bytes() == b"words"
    remove_blank(home, WORKER)
    assert logs_of(home) == ["0", "0/7.1.log"]


def test_the_blank_of_a_dead_worker_takes_the_place_of_no_log(home: Home) -> None:
    log = make_log(home, 7, 1)
    os.write(log, b"its own")
    os.close(log)
    Path(f"{home.logs}/{BLANK}").write_bytes(b"words")
    keep_blank(home, WORKER, 7, 1)
    assert Path(home.log(7, 1)).read_bytes() == b"its own"


def test_a_blank_that_nothing_was_written_to_is_removed(home: Home) -> None:
    Path(f"{home.logs}/{BLANK}").touch()
    keep_blank(home, WORKER, 7, 1)
    remove_blank(home, WORKER)
    assert logs_of(home) == []
    keep_blank(home, WORKER, 7, 1)
    remove_blank(home, WORKER)


def test_what_a_run_writes_while_it_is_being_ended_is_found_where_it_belongs(
    queue: LiveQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = queue.home
    number = queue.job(queue.put("true", max_retries=0)).number
    token = "0" * 32
    assert queue.run(take_turn(None, Ask(WORKER, token))).job is not None
    hold = Hold(home, WORKER)
    hold.note_start(token)
    hold.abandon()
    blank = Path(f"{home.logs}/{BLANK}")
    blank.touch()

    def end_one_that_writes(*_: object) -> list[object]:
        blank.write_bytes(b"words")
        return []

    monkeypatch.setattr(recovery, "end_survivors", end_one_that_writes)
    recovery.recover_lost(queue.store)

    assert Path(home.log(number, 1)).read_bytes() == b"words"
    assert [(one.outcome, one.output_bytes) for one in queue.run(history(number))] == [(Outcome.LOST, 5)]
    assert logs_of(home) == ["0", "0/1.1.log"]


@pytest.mark.crash
@pytest.mark.parametrize("lasts", ["", "sleep 0.1; "], ids=["at once", "after a while"])
def test_what_a_run_wrote_whose_worker_dies_is_found_where_it_belongs(queue: LiveQueue, lasts: str) -> None:
    job = queue.put(f"echo words; {lasts}kill -9 $PPID; sleep 60", max_retries=0)
    queue.drained()
    assert queue.job(job).state is JobState.DEAD
    assert queue.outcomes(job) == [Outcome.LOST]
    assert queue.output(job) == b"words\n"
    assert queue.runs(job)[0].output_bytes == 6
    assert queue.run(tail(queue.job(job).number, 1)) == b"words\n"
    assert [name for name in logs_of(queue.home) if "/." in f"/{name}"] == []


# ---------------------------------------------------------------- as real jobs see it


def test_jobs_that_print_nothing_leave_no_log(queue: LiveQueue) -> None:
    silent = [queue.put("true") for _ in range(9)]
    loud = queue.put("echo words")
    queue.drained()
    assert logs_of(queue.home)[:2] == ["0", "0/10.1.log"]
    assert len(logs_of(queue.home)) <= 3, "the first runs may take longer than a moment"
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
