"""Writing to a terminal that may go away: without effect from then on, and without an error.

Textual draws on a thread that an error ends; whoever draws afterwards would wait for it for ever, and the console would
never leave. That the terminal has gone the console learns by SIGHUP.
"""

from __future__ import annotations

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
    """Textual's driver, on such a file."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self._file = cast("Any", EnduringFile(cast("IO[str]", self._file)))
