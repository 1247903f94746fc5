"""Who survives of a run: found by what it cannot shed, and never mistaken for another."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from queuectl_core.execution import survivors
from queuectl_core.execution.liveness import Note, RunNote
from queuectl_core.execution.marks import mark_of, mark_on, marking_children
from queuectl_core.execution.processes import (
    TOKEN_NAME,
    Process,
    boot_clock_ns,
    boot_id,
    look_at,
    pid_namespace,
    send,
    ticks,
    token_of,
)
from queuectl_core.execution.survivors import Trail, end_survivors, find_survivors, is_noted, trail_of
from tests.execution.pools import lives, pids_in
from tests.execution.waiting import eventually

HOUR_NS = 3_600 * 1_000_000_000
TOKEN = secrets.token_hex(16)
"""Of this process alone: tests run side by side, and see each other's processes."""


SLEEP = "exec sleep 1000"


@contextmanager
def sleeping(
    token: str = "", command: str = SLEEP, mark: str = ""
) -> Iterator[tuple[subprocess.Popen[bytes], RunNote]]:
    """A process in a session of its own, that carries the token where one is given, and the note of its start.

    `mark` is the token of the run by which it is marked.
    """
    environment = {"PATH": os.environ["PATH"], **({TOKEN_NAME: token} if token else {})}
    before = boot_clock_ns()
    with marking_children(mark) if mark else nullcontext():
        process = subprocess.Popen(["/bin/sh", "-c", command], env=environment, start_new_session=True)
    note = RunNote(token, process.pid, before, boot_clock_ns())
    try:
        if command == SLEEP:
            # While a process becomes another program, it has no environment for an instant.
            eventually(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes().startswith(b"sleep"))
        yield process, note
    finally:
        process.kill()
        process.wait()


def pids(found: list[Process]) -> list[int]:
    """Their pids."""
    return [process.pid for process in found]


def note_with(run: RunNote, boot: str | None = None, namespace: str | None = None) -> Note:
    """What a worker noted: on this boot and in this namespace, unless others are given."""
    return Note(1, boot_id() if boot is None else boot, pid_namespace() if namespace is None else namespace, run)


def test_a_process_that_carries_the_token_survives() -> None:
    with sleeping(TOKEN) as (process, _):
        assert pids(find_survivors(Trail(TOKEN))) == [process.pid]
        assert find_survivors(Trail("another-token")) == []


def test_a_process_of_the_noted_session_survives_without_the_token() -> None:
    with sleeping() as (process, note):
        assert find_survivors(Trail(TOKEN)) == []
        assert pids(find_survivors(Trail(TOKEN, note))) == [process.pid]


def test_the_session_is_known_when_its_leader_has_gone(tmp_path: Path) -> None:
    children = tmp_path / "pids"
    with sleeping("", f"sleep 1000 & echo $! > {children}") as (process, note):
        process.wait()
        [child] = pids_in(children)
        assert pids(find_survivors(Trail(TOKEN, note))) == [child]
        assert end_survivors(Trail(TOKEN, note)) == []
        assert not lives(child)


def test_what_a_survivor_started_survives_whatever_it_shed(tmp_path: Path) -> None:
    children = tmp_path / "pids"
    command = f"env -i setsid sleep 1000 & echo $! > {children}; wait"
    with sleeping(TOKEN, command) as (process, _):
        [child] = pids_in(children)
        eventually(lambda: TOKEN_NAME not in Path(f"/proc/{child}/environ").read_text(), what="it shed its token")
        assert pids(find_survivors(Trail(TOKEN))) == sorted([process.pid, child])
        assert end_survivors(Trail(TOKEN)) == []
        assert not lives(child)


def test_what_takes_its_time_to_die_is_seen_gone_though_nothing_tells_of_it_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = tmp_path / "pids"
    asked: list[int] = []

    def send_late(process: Process, number: signal.Signals) -> None:
        if process.pid != child or time.monotonic() > since + 0.3:
            send(process, number)
        asked.append(process.pid)

    monkeypatch.setattr(survivors, "send", send_late)
    with sleeping(TOKEN, f"env -i setsid sleep 1000 & echo $! > {children}; wait") as (process, _):
        [child] = pids_in(children)
        eventually(lambda: TOKEN_NAME not in Path(f"/proc/{child}/environ").read_text(), what="it shed its token")
        since = time.monotonic()
        assert end_survivors(Trail(TOKEN)) == []
        assert not lives(child)
        process.wait()
    assert asked.count(child) > 2, "it was asked once and not looked at again"


def test_what_takes_its_time_to_die_beyond_all_patience_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = tmp_path / "pids"
    with sleeping(TOKEN, f"env -i setsid sleep 1000 & echo $! > {children}; wait") as (process, _):
        [child] = pids_in(children)
        eventually(lambda: TOKEN_NAME not in Path(f"/proc/{child}/environ").read_text(), what="it shed its token")
        with monkeypatch.context() as patch:
            patch.setattr(survivors, "send", lambda one, number: None if one.pid == child else send(one, number))
            assert pids(end_survivors(Trail(TOKEN), 0.2)) == [child]
        os.kill(child, signal.SIGKILL)
        process.wait()


def test_a_process_that_was_given_the_pid_of_another_is_left_alone() -> None:
    with sleeping() as (process, note):
        older = note._replace(started_ns=note.started_ns - HOUR_NS, spawned_ns=note.spawned_ns - HOUR_NS)
        now = look_at(process.pid)
        assert now is not None
        assert is_noted(now, note)
        assert not is_noted(now, older)
        assert not is_noted(now, note._replace(pid=process.pid + 1))
        assert find_survivors(Trail(TOKEN, older)) == []
        assert end_survivors(Trail(TOKEN, older)) == []
        assert lives(process.pid)


def test_a_process_that_has_the_pid_but_is_older_than_the_run_is_left_alone() -> None:
    with sleeping() as (process, note):
        later = note._replace(started_ns=note.started_ns + HOUR_NS, spawned_ns=note.spawned_ns + HOUR_NS)
        now = look_at(process.pid)
        assert now is not None
        assert not is_noted(now, later)
        assert find_survivors(Trail(TOKEN, later)) == []


def test_a_note_of_another_boot_or_namespace_is_no_trail() -> None:
    run = RunNote(TOKEN, os.getpid(), 0, 0)
    assert trail_of(TOKEN, note_with(run)).note == run
    assert trail_of(TOKEN, note_with(run, boot="another")).note is None
    assert trail_of(TOKEN, note_with(run, namespace="pid:[1]")).note is None
    assert trail_of(TOKEN, None).note is None


def test_a_note_of_another_run_is_no_trail() -> None:
    assert trail_of(TOKEN, note_with(RunNote("of-another-run", os.getpid(), 0, 0))).note is None


def test_a_signal_goes_to_the_very_process_that_was_seen() -> None:
    with sleeping() as (process, _):
        now = look_at(process.pid)
        assert now is not None
        send(now._replace(start=now.start - 1), signal.SIGKILL)
        assert lives(process.pid)
        send(now, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL


def test_a_process_whose_name_looks_like_fields_is_read_right(tmp_path: Path) -> None:
    odd = tmp_path / "a) R 1 (b"
    odd.symlink_to("/bin/sleep")
    process = subprocess.Popen([odd, "1000"], start_new_session=True)
    try:
        eventually(lambda: b"a) R 1 (b" in Path(f"/proc/{process.pid}/stat").read_bytes())
        seen = look_at(process.pid)
        assert seen is not None
        assert (seen.parent, seen.session, seen.zombie) == (os.getpid(), process.pid, False)
        assert seen.start <= ticks(boot_clock_ns())
    finally:
        process.kill()
        process.wait()


# A daemon by all the rules: nothing of its environment, session, files or parents is left.
DAEMON = "env -i setsid sh -c 'exec >/dev/null 2>&1 </dev/null; cd /; (sleep 1000 & echo $! > {pids}) & ' & wait"


def test_a_daemon_that_shed_all_else_is_found_by_its_mark(tmp_path: Path) -> None:
    shed = tmp_path / "pids"
    with sleeping("", DAEMON.format(pids=shed), mark=TOKEN) as (process, _):
        process.wait()
        [daemon] = pids_in(shed)
        assert token_of(daemon) is None
        assert pids(find_survivors(Trail(TOKEN))) == [daemon]
        assert find_survivors(Trail("another-token")) == []
        assert end_survivors(Trail(TOKEN)) == []
        assert not lives(daemon)


def test_who_marks_what_it_starts_is_not_marked_itself() -> None:
    with marking_children(TOKEN):
        assert mark_on(os.getpid()) == mark_of(TOKEN)
    assert mark_on(os.getpid()) is None


def test_a_mark_bounds_nothing() -> None:
    with marking_children(TOKEN):
        told = subprocess.run(
            ["/bin/sh", "-c", "grep realtime.timeout /proc/self/limits"], capture_output=True, check=True
        )
    limit = int(told.stdout.split()[3])
    assert limit >= 100_000 * 365 * 24 * 3600 * 1_000_000
