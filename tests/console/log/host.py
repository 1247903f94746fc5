"""An app with a log view and nothing else, and what can be seen on it."""

from __future__ import annotations

import itertools
from pathlib import Path

from textual import on
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from queuectl_tui.log.files import LogSource
from queuectl_tui.log.view import LogStatus, LogView

WIDTH, HEIGHT = 40, 10


class Host(App[None]):
    """Keeps what the view told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[LogStatus] = []

    def compose(self) -> ComposeResult:
        yield LogView()

    @on(LogView.Changed)
    def keep(self, message: LogView.Changed) -> None:
        self.told.append(message.status)

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def shown(self) -> list[str]:
        """The rows in sight, without trailing blanks."""
        return [self.view.render_line(y).text.rstrip() for y in range(HEIGHT)]

    def drawn_as(self, word: str) -> list[str]:
        """How each segment in sight that is `word` is drawn."""
        segments = itertools.chain.from_iterable(self.view.render_line(y) for y in range(HEIGHT))
        return [str(segment.style) for segment in segments if segment.text == word]


def source(path: Path, tail: bytes | None = None, *, complete: bool = False) -> LogSource:
    return LogSource(str(path), tail, complete)


def numbered(count: int, first: int = 1) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(first, first + count))


def names(first: int, last: int) -> list[str]:
    return [f"line {number}" for number in range(first, last + 1)]


def host_of(pilot: Pilot[None]) -> Host:
    """The app of a pilot."""
    assert isinstance(pilot.app, Host)
    return pilot.app


def append(path: Path, data: bytes) -> None:
    """Write more into a log."""
    with path.open("ab") as file:
        file.write(data)
