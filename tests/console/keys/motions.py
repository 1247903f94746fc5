"""Where the motions lead, in lists and in the output of a job. Each begins from where it can be seen to move."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from queuectl_tui.actions import Place
from queuectl_tui.panes.browser import Browser
from tests.console.keys.at import At, Row

LINES = 200
WIDTH = len("line 000\n")
OUTPUT = "".join(f"line {n:03}\n" for n in range(LINES))


class Room(NamedTuple):
    """How far one can go: the last row that can be reached, and the rows that half a page and a page are."""

    last: int
    half: int
    page: int


class Motion(NamedTuple):
    """From which row to which one a key leads; both depend on the room there is."""

    start: Callable[[Room], int]
    end: Callable[[Room], int]


MOTIONS = {
    "down": Motion(lambda _: 0, lambda _: 1),
    "up": Motion(lambda room: room.last, lambda room: room.last - 1),
    "top": Motion(lambda room: room.last, lambda _: 0),
    "bottom": Motion(lambda _: 0, lambda room: room.last),
    "half_down": Motion(lambda _: 0, lambda room: room.half),
    "half_up": Motion(lambda room: room.last, lambda room: room.last - room.half),
    "page_down": Motion(lambda _: 0, lambda room: room.page),
    "page_up": Motion(lambda room: room.last, lambda room: room.last - room.page),
}


def _row(motion: Motion) -> Row:
    async def row(there: At) -> None:
        room = _room(there)
        assert 1 < room.half < room.page < room.last, "else one motion could not be told from another"
        _put(there, motion.start(room))
        await there.until(lambda: _place(there) == motion.start(room), "it is where the motion begins")
        await there.tap()
        await there.until(lambda: _place(there) == motion.end(room), f"it is at {motion.end(room)}")

    return row


def _room(there: At) -> Room:
    if there.place is Place.DETAIL:
        height = there.detail.output.size.height
        return Room(LINES - height, height // 2, height - 1)
    pane = there.browser if isinstance(there.app.pane, Browser) else there.table
    rows = pane.rows if isinstance(pane, Browser) else len(pane.table.rows)
    return Room(rows - 1, pane.table.page // 2, pane.table.page)


def _put(there: At, row: int) -> None:
    if there.place is Place.DETAIL:
        there.detail.output.jump_start()
        there.detail.output.scroll_lines(row)
    elif isinstance(there.app.pane, Browser):
        there.browser.do_top()
        there.browser._go(row)
    else:
        there.table.table.move_to(row)


def _place(there: At) -> int:
    """The row under the cursor, or the line of output at the top."""
    if there.place is Place.DETAIL:
        return there.detail.output._top.offset // WIDTH
    return there.browser.cursor if isinstance(there.app.pane, Browser) else there.table.table.cursor


ROWS: dict[str, Row] = {name: _row(motion) for name, motion in MOTIONS.items()}
