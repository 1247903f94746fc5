"""Writers wait at the gate: one is through at a time, and a gate that stays shut is an error in the end."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from queuectl_core.execution.processes import is_stopped
from queuectl_core.model.errors import StoreBusy
from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.gate import STANDING, Gate
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_core.store.transactions.jobs import page
from tests.execution.waiting import PATIENCE, eventually
from tests.homes import prepared_home

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepared_home(tmp_path)


def test_one_is_through_at_a_time(home: Home) -> None:
    first, second = Gate(home, 1.0), Gate(home, 1.0)

    assert first.is_open()
    assert not second.is_open()
    first.leave()
    assert second.is_open()

    first.close()
    second.close()


def test_a_waiter_passes_once_the_other_has_left(home: Home) -> None:
    other = Gate(home, 1.0)
    with SqliteStore(home) as store:
        assert other.is_open()
        timer = threading.Timer(0.05, other.leave)
        timer.start()

        job = store.run(enqueue(NewJob("true")))

        timer.join()
        assert store.run(page()) == [job]
    other.close()


def test_a_gate_that_stays_shut_is_an_error_and_reads_go_on(home: Home) -> None:
    other = Gate(home, 1.0)
    with SqliteStore(home, busy_seconds=0.05) as store:
        assert other.is_open()

        with pytest.raises(StoreBusy):
            store.run(enqueue(NewJob("true")))

        assert store.run(page()) == []
        other.leave()
        store.run(enqueue(NewJob("true")))
    other.close()


def test_who_can_draw_no_ticket_on_a_full_disk_passes_all_the_same(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    other = Gate(home, 1.0)
    with SqliteStore(home) as store:
        assert other.is_open()
        timer = threading.Timer(0.05, other.leave)
        timer.start()
        monkeypatch.setattr("queuectl_core.store.sqlite.gate.os.pwrite", full)

        job = store.run(enqueue(NewJob("true")))

        timer.join()
        assert store.run(page()) == [job]
    other.close()


def test_the_gate_is_left_when_a_transaction_fails(home: Home) -> None:
    with SqliteStore(home) as store:
        with pytest.raises(ValueError, match="broken"):
            store.run(enqueue(NewJob("true", env=Broken())))
        other = Gate(home, 1.0)
        assert other.is_open()
        other.close()


class Broken(dict[str, str]):
    """An environment that cannot be read."""

    def __bool__(self) -> bool:
        raise ValueError("broken")

    def items(self) -> object:  # type: ignore[override]  # it is broken
        raise ValueError("broken")


# ---------------------------------------------------------------- in line


WAITER = """
import os, sys
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import gate
home, told, name, standing = sys.argv[1:]
gate.STANDING = float(standing)
with gate.Gate(Home(home), 60.0).passed():
    os.write(int(told), name.encode())
"""
"""Waits at the gate of a home, says its name once it is through, and leaves."""


class Line:
    """Processes that wait at a gate which the test holds, each begun once the one before it waits."""

    def __init__(self, home: Home, names: str, standing: float = PATIENCE) -> None:
        self.gate = Gate(home, 1.0)
        self.gate.enter()
        self._read, self._write = os.pipe()
        self.waiters: dict[str, subprocess.Popen[bytes]] = {}
        for name in names:
            command = [sys.executable, "-c", WAITER, home.path, str(self._write), name, str(standing)]
            process = self.waiters[name] = subprocess.Popen(command, cwd=ROOT, pass_fds=[self._write])
            eventually(lambda: waits_in_kernel(process.pid), what=f"{name} waits")  # noqa: B023

    def passed(self, how_many: int) -> str:
        """The names of those who were through first, in that order, once there are so many."""
        said = b""
        while len(said) < how_many:
            assert select.select([self._read], [], [], PATIENCE)[0], f"only {said!r} were through"
            said += os.read(self._read, 1)
        return said.decode()

    def has_passed(self) -> bool:
        """Whether somebody was through of whom `passed` has not told."""
        return bool(select.select([self._read], [], [], 0)[0])

    def close(self) -> None:
        """End those who are left."""
        self.gate.close()
        for process in self.waiters.values():
            process.kill()
            process.wait()
        for handle in (self._read, self._write):
            os.close(handle)


def waits_in_kernel(pid: int) -> bool:
    """Whether a process sleeps until a lock is free, by the kernel's list of locks."""
    lines = Path("/proc/locks").read_text().splitlines()
    return any("->" in line and str(pid) in line.split() for line in lines)


@pytest.fixture
def line(home: Home) -> Iterator[Callable[..., Line]]:
    """Makes a line of waiters with these names, who stand in it for so many seconds at most."""
    if not Path("/proc/locks").exists():
        pytest.skip("needs the kernel's list of locks")
    with ExitStack() as made:
        yield lambda *wanted: made.enter_context(closing(Line(home, *wanted)))


def test_who_waits_longest_is_through_first(line: Callable[..., Line]) -> None:
    waiting = line("abcd")

    waiting.gate.leave()

    assert waiting.passed(4) == "abcd"


def test_a_gate_is_crowded_while_somebody_waits_at_it(line: Callable[..., Line]) -> None:
    waiting = line("a")
    assert waiting.gate.is_crowded()

    waiting.gate.leave()

    assert waiting.passed(1) == "a"
    eventually(lambda: not waiting.gate.is_crowded(), what="nobody waits")


def test_who_is_through_makes_no_crowd(line: Callable[..., Line]) -> None:
    assert not line("").gate.is_crowded()


def test_who_comes_back_at_once_stands_behind_those_who_wait(line: Callable[..., Line]) -> None:
    waiting = line("ab")

    waiting.gate.leave()
    waiting.gate.enter()

    assert waiting.passed(2) == "ab"


TAKER = """
import os, sys, time
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import gate
home, book, name, most = sys.argv[1:]
gate.STANDING = 60.0
ours, turns = gate.Gate(Home(home), 60.0), os.open(book, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
while os.fstat(turns).st_size < int(most):
    with ours.passed():
        until = time.monotonic() + 0.0005
        while time.monotonic() < until:
            pass
        os.write(turns, name.encode())
"""
"""Takes turns without a pause, writing its name into a book at each, until the book is full."""


def test_those_who_take_turns_without_a_pause_have_equally_many(home: Home, tmp_path: Path) -> None:
    names, most, book = "abcdefgh", 2000, tmp_path / "book"
    takers = [
        subprocess.Popen([sys.executable, "-c", TAKER, home.path, str(book), name, str(most)], cwd=ROOT)
        for name in names
    ]
    assert [taker.wait(PATIENCE) for taker in takers] == [0] * len(names)

    told = book.read_text()
    begun = max(told.index(name) for name in names)
    turns = [told[begun:most].count(name) for name in names]
    assert min(turns) >= 0.9 * max(turns) - 2, turns


SLOW = """
import contextlib, os, sys, time
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite import gate
home, book, most = sys.argv[1:]
turns = os.open(book, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
gate.STANDING = 0.25
gate.time = type(sys)("time")
gate.time.monotonic, gate.time.sleep = time.monotonic, lambda _: os.write(turns, b"round")
with contextlib.closing(gate.Gate(Home(home), 60.0)) as ours:
    while os.fstat(turns).st_size < int(most):
        with ours.passed():
            time.sleep(0.06)  # the turn itself
            os.write(turns, b".")
"""
"""Takes long turns, and writes into a book how often it took one, and how often it looked for another way."""


def test_a_line_that_moves_is_stood_in_to_its_end_however_long(home: Home, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SLOW, home.path, str(book := tmp_path / "book"), "40"]
    takers = [subprocess.Popen(command, cwd=ROOT) for _ in range(10)]
    assert [taker.wait(PATIENCE) for taker in takers] == [0] * 10

    assert "round" not in book.read_text()


def test_one_who_dies_in_line_holds_up_nobody(line: Callable[..., Line]) -> None:
    waiting = line("abc")

    waiting.waiters["b"].kill()
    waiting.waiters["b"].wait()
    waiting.gate.leave()

    assert sorted(waiting.passed(2)) == ["a", "c"]


def test_one_who_is_stopped_in_line_holds_up_nobody_for_long(line: Callable[..., Line]) -> None:
    waiting = line("abc", STANDING)

    first = waiting.waiters["a"]
    first.send_signal(signal.SIGSTOP)
    eventually(lambda: is_stopped(first.pid), what="it is stopped")
    waiting.gate.leave()

    assert sorted(waiting.passed(2)) == ["b", "c"]
    first.send_signal(signal.SIGCONT)
    assert waiting.passed(1) == "a"


def test_a_line_stands_still_for_one_whom_only_others_overtake(line: Callable[..., Line]) -> None:
    waiting = line("abc", STANDING)
    first = waiting.waiters["a"]
    first.send_signal(signal.SIGSTOP)
    eventually(lambda: is_stopped(first.pid), what="it is stopped")
    waiting.waiters["c"].kill()
    waiting.waiters["c"].wait()

    def overtaken() -> bool:
        waiting.gate.leave()
        waiting.gate.enter()  # In the place of the one that died, behind which nobody is stopped.
        waiting.gate.leave()
        return waiting.has_passed()

    eventually(overtaken, what="the one between them goes round the line")
    assert waiting.passed(1) == "b"
