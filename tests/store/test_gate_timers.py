"""Who waits at the gate is woken by a timer: it disturbs no other, and leaves nothing held whenever it rings."""

from __future__ import annotations

import fcntl
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.gate import Gate
from tests.execution.waiting import eventually
from tests.homes import prepared_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return prepared_home(tmp_path)


def test_a_timer_of_another_goes_on_after_a_wait(home: Home) -> None:
    holder, gate = Gate(home, 1.0), Gate(home, 0.05)
    holder.enter()
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            gate.enter()
        eventually(lambda: rung, what="the timer rings")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        holder.close()
        gate.close()
    assert rung == [signal.SIGALRM]


def test_a_wait_that_is_over_rings_no_more_also_where_it_rang_at_its_very_end(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGALRM)
    set_timer = signal.setitimer

    def late(which: int, seconds: float, every: float = 0.0) -> tuple[float, float]:
        if not seconds:
            signal.raise_signal(signal.SIGALRM)
        return set_timer(which, seconds, every)

    monkeypatch.setattr(signal, "setitimer", late)
    with closing(Gate(home, 1.0)) as first, closing(Gate(home, 0.05)) as second:
        assert first.is_open()
        with pytest.raises(sqlite3.OperationalError):
            second.enter()

    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_wait_that_is_given_up_while_a_ticket_is_drawn_keeps_nobody_from_drawing_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def late(handle: int, kind: int) -> None:
        if kind == fcntl.LOCK_UN and handle == second._line and signal.getitimer(signal.ITIMER_REAL)[0]:
            monkeypatch.setattr(fcntl, "flock", lock)
            signal.pause()  # It rings just before the line is let go.
        lock(handle, kind)

    with closing(Gate(home, 1.0)) as first, closing(Gate(home, 0.05)) as second, closing(Gate(home, 0.05)) as third:
        assert first.is_open()
        monkeypatch.setattr(fcntl, "flock", late)
        with pytest.raises(sqlite3.OperationalError):
            second.enter()
        third._find()
        fcntl.flock(third._line, fcntl.LOCK_EX | fcntl.LOCK_NB)
