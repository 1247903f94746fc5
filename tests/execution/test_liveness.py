"""Locks tell who is alive: held for a whole life, free at death however it came."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from queuectl_core.execution.hand import MOST_CLAIMED, SHORT_MS
from queuectl_core.execution.liveness import (
    NOTE_BYTES,
    Hold,
    Note,
    RunNote,
    Success,
    read_note,
    remove_lock,
    sweep_drafts,
)
from queuectl_core.execution.locks import alive, is_alive, names
from queuectl_core.execution.processes import boot_id, is_stopped, pid_namespace
from queuectl_core.store.home import Home
from tests.execution.pools import ROOT
from tests.execution.waiting import eventually

HOLDER = """
import sys
from queuectl_core.execution.liveness import Hold
from queuectl_core.store.home import Home
hold = Hold(Home(sys.argv[1]), "abc-1")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which holds the lock of `abc-1` and lives until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, home.path], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_who_holds_its_lock_is_alive_until_it_lets_go(home: Home) -> None:
    hold = Hold(home, "abc")
    assert alive(home) == {"abc"}
    hold.close()
    assert alive(home) == frozenset()
    assert os.listdir(home.run) == []


@pytest.mark.crash
def test_a_killed_holder_is_dead_at_once_and_leaves_its_note(home: Home, holder: subprocess.Popen[bytes]) -> None:
    assert is_alive(home, "abc-1")
    holder.kill()
    holder.wait()
    assert not is_alive(home, "abc-1")
    assert names(home) == ["abc-1"]
    note = read_note(home, "abc-1")
    assert note is not None
    assert note.pid == holder.pid
    remove_lock(home, "abc-1")
    assert names(home) == []


@pytest.mark.crash
def test_a_stopped_holder_is_alive(home: Home, holder: subprocess.Popen[bytes]) -> None:
    os.kill(holder.pid, signal.SIGSTOP)
    eventually(lambda: is_stopped(holder.pid), what="it is stopped")
    assert is_alive(home, "abc-1")
    os.kill(holder.pid, signal.SIGCONT)
    eventually(lambda: not is_stopped(holder.pid), what="it goes on")


def test_looking_whether_one_is_alive_takes_nothing_from_another_who_looks(home: Home) -> None:
    Path(home.lock("abc")).touch()
    with open(home.lock("abc"), "rb") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not is_alive(home, "abc")


def test_nobody_of_a_name_that_has_no_file_is_alive(home: Home) -> None:
    assert not is_alive(home, "nobody")
    assert read_note(home, "nobody") is None


def test_the_fixed_locks_are_nobodys(home: Home) -> None:
    for name in ("schema", "checkpoint", "recovery"):
        Path(home.lock(name)).touch()
    assert names(home) == []


def test_a_home_that_is_not_made_yet_has_nobody(tmp_path: Path) -> None:
    assert alive(Home(str(tmp_path / "nothing"))) == frozenset()


def test_a_note_says_who_wrote_it_and_what_it_runs_last(home: Home) -> None:
    hold = Hold(home, "abc-1")
    try:
        note = read_note(home, "abc-1")
        assert note == Note(os.getpid(), boot_id(), pid_namespace(), None)
        long = RunNote("f" * 32, 4_194_304, 10**18, 10**18)
        short = RunNote("a", 1, 2, 3)
        for run in (long, short):
            hold.note_run(run)
            note = read_note(home, "abc-1")
            assert note is not None
            assert note.run == run
        assert os.stat(home.lock("abc-1")).st_size == NOTE_BYTES
    finally:
        hold.close()


def test_a_note_that_is_made_anew_says_what_the_one_before_said(home: Home) -> None:
    hold = Hold(home, "abc-1")
    try:
        hold.note_start("a")
        hold.note_run(RunNote("a", 1, 2, 3))
        before = read_note(home, "abc-1")
        Path(home.lock("abc-1")).unlink()

        assert hold.renew()

        assert read_note(home, "abc-1") == before
    finally:
        hold.close()


def test_a_draft_is_swept_once_its_maker_is_dead(home: Home) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    left, fresh = Path(home.run, f".abc-1.{gone.pid}"), Path(home.run, f".abc-2.{os.getpid()}")
    left.touch()
    fresh.touch()

    sweep_drafts(home)

    assert (left.exists(), fresh.exists()) == (False, True)


def test_a_note_has_room_for_all_that_a_worker_keeps_to_itself(home: Home) -> None:
    hold = Hold(home, f"{'f' * 10}-1000")
    tokens = [f"{n:032x}" for n in range(MOST_CLAIMED + 1)]
    for token in tokens:
        hold.note_start(token)
        hold.note_success(token, Success(SHORT_MS, 2**62))

    hold.note_run(RunNote(tokens[-1], 2**22, 2**62, 2**62))

    assert os.stat(home.lock(hold.name)).st_size == NOTE_BYTES
    note = read_note(home, hold.name)
    assert note is not None
    assert list(note.begun) == tokens
    hold.close()


def test_a_note_says_which_runs_were_begun_since_the_last_report(home: Home) -> None:
    hold = Hold(home, "abc-1")
    try:
        hold.note_start("first")
        hold.note_success("first", Success(12, 345))
        hold.note_start("second")
        assert begun(home, "abc-1") == {"first": Success(12, 345), "second": None}
        hold.note_reported(["first", "never begun"])
        hold.note_start("third")
        assert begun(home, "abc-1") == {"second": None, "third": None}
    finally:
        hold.close()


def begun(home: Home, name: str) -> Mapping[str, Success | None]:
    """The runs that a worker noted as begun, and what it noted of their end."""
    note = read_note(home, name)
    assert note is not None
    return note.begun


@pytest.mark.parametrize("text", ["", "words", "{}", '{"pid": 1}', '{"pid":1,"boot":"","namespace":"","run":[1]}'])
def test_a_note_that_cannot_be_read_is_none(home: Home, text: str) -> None:
    Path(home.lock("abc")).write_text(text)
    assert read_note(home, "abc") is None


def test_a_lock_is_for_its_owner_alone_and_not_for_commands(home: Home) -> None:
    hold = Hold(home, "abc")
    try:
        assert os.stat(home.lock("abc")).st_mode & 0o777 == 0o600
        assert not os.get_inheritable(hold.handle)
    finally:
        hold.close()


def test_a_lock_that_cannot_be_made_leaves_no_draft(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)

    with pytest.raises(OSError, match="No space left"):
        Hold(home, "abc-1")

    assert os.listdir(home.run) == []
