"""The gate before the write lock: writers wait at lock files, not inside SQLite.

SQLite's busy handler sleeps at least a millisecond and up to a hundred, which is several times as long as a
worker's whole transaction, and whoever wakes first is next. Here they stand in line, each asleep until the one before
it has passed: whoever comes draws a ticket, holds the byte of that number locked, and waits for the byte before it.
The kernel frees the byte of one who dies. (A flock alone is not served in order: of a hundred that wait for one, some
had three times as many turns as others.)

A line can be held up by one in it who is stopped (SIGSTOP), so nobody stands in one that has not moved for `STANDING`:
after that, as where no line can be stood in, one goes round it and looks every now and then. (One that moves is stood
in for as long as patience lasts: were a hundred to leave a long one, they would take the cores from those who move it.)
Whoever writes without passing the gate is still kept out by SQLite itself.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from queuectl_core.store.home import Home, cannot_use

SHORTEST_PAUSE, LONGEST_PAUSE = 0.000_05, 0.002
"""Seconds between two looks at the gate, at first and at most."""

STANDING, GOING_ROUND = 0.5, 5.0
"""Seconds that one stands in a line which does not move, and goes round it once that was in vain."""

_AGAIN = 0.1
"""Seconds from one ring to the next."""

_TICKET_BYTES = 6
"""What a ticket takes in the file of the line: the one that was drawn last, and behind it the one that passed last."""


def _lock_of(kind: int) -> bytes:
    """`struct flock` of Linux, for a lock of this kind on every byte from the first ticket on."""
    # By hand: the module struct takes a command a millisecond to load.
    return kind.to_bytes(2, sys.byteorder) + bytes(6) + (1).to_bytes(8, sys.byteorder) + bytes(16)


_ANYBODY, _NOBODY = _lock_of(fcntl.F_WRLCK), fcntl.F_UNLCK.to_bytes(2, sys.byteorder)


class _TooLong(Exception):
    """One has stood in line for long enough."""


class _StoodStill(_TooLong):
    """The line did not move meanwhile."""


class Gate:
    """The gate of one home, for one connection. `patience` is how long (s) to wait before giving up.

    Its files are opened by the first who wishes to pass: who only reads needs none, and may be where none can be made.
    """

    def __init__(self, home: Home, patience: float) -> None:
        self._home = home
        self._lock = self._line = -1
        self._goes_round_until = 0.0
        self.patience = patience

    def is_open(self) -> bool:
        """Pass, if nobody else is through; the one who passed must `leave`. Raises a StoreError, as `enter`."""
        self._find()
        return _has(self._lock)

    def _find(self) -> None:
        """Open the lock files, unless they are. Raises a StoreError where that cannot be done."""
        if self._line >= 0:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._lock = os.open(self._home.lock("write"), flags, 0o600)
            self._line = os.open(self._home.lock("line"), flags, 0o600)
        except OSError as error:
            self.close()
            raise cannot_use(self._home.path, error) from error

    def pauses(self, since: float | None = None) -> Iterator[float]:
        """How long (s) to sleep between two looks, of one who waits since then (s, monotonic), or from now on.

        Raises SQLite's own busy error once patience has run out.
        """
        deadline = (time.monotonic() if since is None else since) + self.patience
        pause = SHORTEST_PAUSE
        while time.monotonic() <= deadline:
            yield pause
            pause = min(pause * 1.5, LONGEST_PAUSE)
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    def enter(self) -> None:
        """Wait until it is open, and pass. Raises a StoreError where the lock files cannot be used."""
        self._find()
        if self._is_first():
            return
        since = time.monotonic()
        if self._stood_in_line() or self.is_open():
            return
        for pause in self.pauses(since):
            if self.is_open():
                return
            time.sleep(pause)

    def is_crowded(self) -> bool:
        """Whether somebody is in line. Raises a StoreError, as `enter`."""
        self._find()
        return fcntl.fcntl(self._line, fcntl.F_GETLK, _ANYBODY)[:2] != _NOBODY

    def _is_first(self) -> bool:
        """Pass, if nobody is through and nobody is in line."""
        return not self.is_crowded() and self.is_open()

    def _stood_in_line(self) -> bool:
        """Stand in line and pass; False where that cannot be done, or took too long."""
        if time.monotonic() < self._goes_round_until:
            return False
        if threading.current_thread() is not threading.main_thread():
            return False  # It takes a signal to end the wait, and these come to the main thread.
        try:
            standing = _Standing(self._last_passed, self.patience)
            with _minded(min(STANDING, self.patience), standing.mind):
                ticket = standing.ticket = self._drawn()
                fcntl.lockf(self._line, fcntl.LOCK_EX, 1, ticket - 1)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                os.pwrite(self._line, _bytes_of(ticket), _TICKET_BYTES)
        except _TooLong as error:
            self.leave()
            if isinstance(error, _StoodStill):
                self._goes_round_until = time.monotonic() + GOING_ROUND
            return False
        except OSError:
            # On a disk that is full no ticket can be written, where none was before, nor a lock be had without memory.
            self.leave()
            return False
        finally:
            self._step_out()
        return True

    def _step_out(self) -> None:
        """Stand in line no more; who gave it up while drawing a ticket may still keep others from theirs."""
        fcntl.lockf(self._line, fcntl.LOCK_UN, 0, 0)
        fcntl.flock(self._line, fcntl.LOCK_UN)

    def _drawn(self) -> int:
        """Draw the next ticket, and hold its byte."""
        fcntl.flock(self._line, fcntl.LOCK_EX)
        try:
            ticket = int.from_bytes(os.pread(self._line, _TICKET_BYTES, 0)) + 1
            fcntl.lockf(self._line, fcntl.LOCK_EX, 1, ticket)
            os.pwrite(self._line, _bytes_of(ticket), 0)
            return ticket
        finally:
            fcntl.flock(self._line, fcntl.LOCK_UN)

    def _last_passed(self) -> int:
        """The ticket of the last who passed from the line."""
        return int.from_bytes(os.pread(self._line, _TICKET_BYTES, _TICKET_BYTES))

    def leave(self) -> None:
        """Let the next one pass; harmless where we are not through."""
        if self._lock >= 0:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Enter, and leave at the end."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def close(self) -> None:
        """Give the lock files up; closing twice is harmless."""
        for handle in (self._lock, self._line):
            if handle >= 0:
                os.close(handle)
        self._lock = self._line = -1


def _has(lock: int) -> bool:
    """Take a lock, if it is free."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _bytes_of(ticket: int) -> bytes:
    return ticket.to_bytes(_TICKET_BYTES)


class _Standing:
    """Of one who stands in line: since when, and since when it has not moved before its `ticket`, once it has one.

    Who stands behind one that left the line can pass while nobody before us does.
    """

    def __init__(self, last_passed: Callable[[], int], patience: float) -> None:
        self._last_passed = last_passed
        self._seen, self._seen_at = last_passed(), time.monotonic()
        self._until = self._seen_at + patience
        self.ticket: int | None = None

    def mind(self) -> None:
        """Raises _TooLong where it is no use to stand here longer."""
        now, last = time.monotonic(), self._last_passed()
        if last != self._seen and (self.ticket is None or last < self.ticket):
            self._seen, self._seen_at = last, now
        if now - self._seen_at >= STANDING:
            raise _StoodStill
        if now >= self._until:
            raise _TooLong


@contextmanager
def _minded(seconds: float, mind: Callable[[], None]) -> Iterator[None]:
    """Call `mind` in what is done here, once it has taken so long and every now and then; only in the main thread.

    What it raises ends what is done here. A timer of somebody else's goes on afterwards, as if nothing had been.
    """

    armed = True

    def ring(_number: int, _frame: FrameType | None) -> None:
        if armed:
            mind()

    before = signal.signal(signal.SIGALRM, ring)
    # Again and again: a ring that comes just before the call that waits does not cut it short.
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        try:
            yield
        finally:
            armed = False  # A ring at the very end must not keep the timer from being put back: it would ring on.
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, every)
        signal.signal(signal.SIGALRM, before if before is not None else signal.SIG_DFL)
