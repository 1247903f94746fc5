"""A terminal that may go away, or be taken away for a while.

Textual draws on a thread that an error ends; whoever draws afterwards would wait for it for ever, and the console would
never leave. So writing to a terminal that is gone has no effect, and is no error; the console learns of it by SIGHUP.

Textual gives the terminal back in the midst of whatever SIGTSTP came upon. Where that was handing something to the
thread that draws, it would wait for ever for a lock that it holds itself. Likewise a change of size that came while
another was being told was told before it, and the terminal kept the one that was no more. So these signals wait for the
event loop's next step.
"""

from __future__ import annotations

import asyncio
import signal
from typing import IO, Any, cast

from textual.drivers.linux_driver import LinuxDriver


class EnduringFile:
    """A file that takes whatever is written to it, also where it cannot pass it on."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Pass the text on if that is possible; how many characters were taken: all."""
        try:
            return self._file.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """Pass on what was kept back."""
        try:
            self._file.flush()
        except OSError:
            return

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class EnduringDriver(LinuxDriver):
    """Textual's driver, on such a file, stopped and going on between two steps of the event loop."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        _between_steps(signal.SIGTSTP)
        _between_steps(signal.SIGCONT)
        self._file = cast("Any", EnduringFile(cast("IO[str]", self._file)))

    def _sigcont_application(self, *_: object) -> None:
        """Take the terminal again where it was given up; a CONT that follows anything else would take it twice."""
        if self._must_signal_resume:
            super()._sigcont_application()

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual gives it none
        _between_steps(signal.SIGWINCH)


def _between_steps(number: signal.Signals) -> None:
    """Have what handles a signal be called by the event loop, not in the midst of something."""
    handler = signal.getsignal(number)
    if callable(handler):
        asyncio.get_running_loop().add_signal_handler(number, handler, number, None)
