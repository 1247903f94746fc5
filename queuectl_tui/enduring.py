"""A terminal that may go away, or be taken away for a while.

Textual draws on a thread that an error ends; whoever draws afterwards would wait for it for ever, and the console would
never leave. So writing to a terminal that is gone has no effect, and is no error; the console learns of it by SIGHUP.

Textual gives the terminal back in the midst of whatever SIGTSTP came upon. Where that was handing something to the
thread that draws, it would wait for ever for a lock that it holds itself. Likewise a change of size that came while
another was being told was told before it, and the terminal kept the one that was no more. So these signals wait for the
event loop's next step.

SIGSTOP leaves no time to give anything back: the shell, or whatever was started from it meanwhile, has drawn on the
screen and set the terminal as it likes. So the console sets it again, and draws all of its picture, when it goes on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import termios
from typing import IO, Any, cast

from textual.drivers.linux_driver import LinuxDriver

_OURS = "\x1b[?1049h\x1b[?25l\x1b[?1004h"
"""The other screen, no cursor, and being told when the window has the keys."""


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

    _modes: list[Any] | None = None
    """How the kernel treats the terminal while it is ours; None while it is not."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        _between_steps(signal.SIGTSTP)
        _between_steps(signal.SIGCONT)
        self._file = cast("Any", EnduringFile(cast("IO[str]", self._file)))

    def _sigcont_application(self, *_: object) -> None:
        """Take the terminal again where it was given up; where it was not, that would take it twice.

        Others have drawn on it in both cases, so all of the picture is drawn.
        """
        if self._must_signal_resume:
            super()._sigcont_application()
        elif self._modes is not None and self._is_in_front():
            self._set_again(self._modes)
        else:
            return
        self._app.refresh(layout=True)

    def _is_in_front(self) -> bool:
        """Whether the terminal may be set: whoever does that in the background is stopped again."""
        try:
            return os.tcgetpgrp(self.fileno) == os.getpgrp()
        except OSError:
            return False

    def _set_again(self, modes: list[Any]) -> None:
        """Set the terminal as it was set when it was taken. All of it may be said twice."""
        try:
            termios.tcsetattr(self.fileno, termios.TCSANOW, modes)
        except termios.error:
            return  # it is gone
        self.write(_OURS)
        self._enable_bracketed_paste()
        self._disable_line_wrap()
        self._enable_mouse_support()

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]  # Textual gives it none
        try:
            self._modes = termios.tcgetattr(self.fileno)
        except termios.error:
            self._modes = None
        _between_steps(signal.SIGWINCH)

    def stop_application_mode(self) -> None:
        """Give the terminal back."""
        self._modes = None
        super().stop_application_mode()


def _between_steps(number: signal.Signals) -> None:
    """Have what handles a signal be called by the event loop, not in the midst of something."""
    handler = signal.getsignal(number)
    if callable(handler):
        asyncio.get_running_loop().add_signal_handler(number, handler, number, None)
