"""Draws the pictures of the README: each pane of the console on the still demo, as SVG beside this file.

The same bytes come out each time, so that a picture which differs shows what has changed. Run it as
`.venv/bin/python screenshots/make.py`, with a folder to write elsewhere, and names of pictures to draw these alone.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from queuectl_core.store.home import Home

NOW = 1_795_514_345_000
"""The instant of every picture (ms since the epoch): 24 November 2026, 09:59:05 UTC."""

SIZE = (120, 34)
PATIENCE = 20.0
"""Seconds until a picture must have come to rest."""

QUIET_LOOKS = 6
"""How often it must look the same, 50 ms apart; longer than the cursor rests before a job is read."""

ENVIRONMENT = {"TZ": "UTC", "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}


class Picture(NamedTuple):
    """A picture: the keys that lead to it, and a text that is in sight then."""

    name: str
    keys: Sequence[str]
    shows: str


PICTURES = (
    Picture("jobs", (), "processing"),
    Picture("detail", ("2", "j", "j", "j", "enter"), "directory"),
    Picture("dlq", ("2",), "exit "),
    Picture("dlq-by-cause", ("2", "b"), "PROGRAM"),
    Picture("workers", ("3",), "busy"),
    Picture("config", ("4",), "max_retries"),
    Picture("metrics", ("5", "w"), "Queue depth"),
    Picture("help", ("question_mark",), "leaves"),
)


def main(folder: Path = Path(__file__).parent, *names: str) -> None:
    """Write the pictures of these names, or every one, into `folder`."""
    with _home_of_nobody() as home:
        from queuectl_tui.demo import still

        still.fill(home, NOW)
        with still.attended(home):
            for picture in (one for one in PICTURES if not names or one.name in names):
                drawn = asyncio.run(_draw(home, picture))
                (folder / f"{picture.name}.svg").write_text(drawn, encoding="utf-8")


@contextmanager
def _home_of_nobody() -> Iterator[Home]:
    """A home where a person's would be, with nothing of this machine or person in sight."""
    with tempfile.TemporaryDirectory() as person, mock.patch.dict(os.environ, {**ENVIRONMENT, "HOME": person}):
        for name in ("NO_COLOR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "QUEUECTL_HOME", "QUEUECTL_STORE"):
            os.environ.pop(name, None)
        time.tzset()
        from queuectl_core.store.home import find_home

        yield find_home()
    time.tzset()


async def _draw(home: Home, picture: Picture) -> str:
    from queuectl_tui.app import QueueConsole
    from queuectl_tui.session import Session

    session = Session(home, clock=lambda: NOW)
    await session.open()
    app = QueueConsole(session)
    async with app.run_test(size=SIZE) as pilot:
        await _at_rest(pilot, "processing" if picture.keys else picture.shows)
        for key in picture.keys:
            await pilot.press(key)
            await _at_rest(pilot, "")
        await _at_rest(pilot, picture.shows)
        # Else some programs leave out the blanks at the beginning of a text, which are its place.
        return app.export_screenshot(title="queuectl").replace("<svg ", '<svg xml:space="preserve" ', 1)


async def _at_rest(pilot: Pilot[int], text: str) -> None:
    """Wait until the text is in sight and what is drawn stays the same for a while. Raises TimeoutError."""
    seen, quiet, deadline = "", 0, time.monotonic() + PATIENCE
    while quiet < QUIET_LOOKS or text.replace(" ", "&#160;") not in seen:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{text!r} has not come to rest")
        await pilot.pause(0.05)
        now = pilot.app.export_screenshot()
        seen, quiet = now, quiet + 1 if now == seen else 0


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:2]), *sys.argv[2:])
