"""Signals as events: each arrives as a byte on a pipe, to be handled between two steps, never within one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable

NEWS = bytes((signal.SIGCHLD, signal.SIGALRM))
"""Signals that order nothing: they tell of the end of a child, and of a wait that was too long."""


class SignalPipe:
    """Turns the given signals into bytes on `handle`, which a poll can wait for.

    The handlers do nothing else, but for noting when a child ended: a command that is started gets the default action
    of each again. A hangup that we were told to ignore, as nohup does, stays ignored.
    """

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self.handle, self._writer = os.pipe()
        self.child_ended_at = 0.0
        """When the latest SIGCHLD came, in seconds of the monotonic clock: whoever was busy hears of it later."""
        os.set_blocking(self.handle, False)
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in numbers:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._note_child if number == signal.SIGCHLD else _ignore)

    def arrived(self) -> list[int]:
        """The signals that came since the last call, in order."""
        try:
            return list(os.read(self.handle, 4096))
        except BlockingIOError:
            return []

    def brought_orders(self) -> bool:
        """Whether, since the last call, any signal came that says more than `NEWS`."""
        try:
            came = os.read(self.handle, 4096)
        except BlockingIOError:
            return False
        return bool(came.translate(None, NEWS))

    def _note_child(self, _number: int, _frame: object) -> None:
        self.child_ended_at = time.monotonic()

    def close(self) -> None:
        """Stop listening; the handlers stay."""
        signal.set_wakeup_fd(-1)
        os.close(self.handle)
        os.close(self._writer)


def _ignore(number: int, frame: object) -> None:
    """Nothing: the byte on the wakeup pipe is all that is wanted."""
