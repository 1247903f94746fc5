"""A short list of rows under titles, with a cursor that keeps to the row it is on. What the rows are is handed in.

For lists that are held whole, such as workers or settings; jobs have a table of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from queuectl_tui.looks.cells import GAP, cut

_GUTTER = 1
"""Cells before the first column."""

_TITLES = 1
"""Lines above the first row."""


class Look(StrEnum):
    """How a cell is drawn; what a colour stands for is said by a sign or a word, too."""

    PLAIN = "plain"
    MUTED = "muted"
    STRONG = "strong"
    QUIET = "quiet"
    BUSY = "busy"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


class Cell(NamedTuple):
    """Text that is safe to show, and how it is drawn."""

    text: str
    look: Look = Look.PLAIN


class Row(NamedTuple):
    """A row: `key` tells it from all others, `cells` are by the name of their column."""

    key: str
    cells: Mapping[str, Cell]


class Column(NamedTuple):
    """A column; `width` is in cells, 0 takes what the others leave."""

    name: str
    width: int
    right: bool = False


Fit = Callable[[int], Sequence[Column]]
"""The columns for a width in cells."""


# Without the bindings of what it is made from: its arrows would scroll, and ours move the cursor.
class RowTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows, one of which is under the cursor."""

    DEFAULT_CSS = """
    RowTable { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }
    RowTable > .row-table--titles { color: $text-muted; text-style: bold; }
    RowTable > .row-table--cursor { background: $primary 25%; }
    RowTable > .row-table--cursor-away { background: $panel; }
    RowTable > .row-table--muted { color: $text-muted; }
    RowTable > .row-table--strong { text-style: bold; }
    RowTable > .row-table--quiet { color: $state-pending; }
    RowTable > .row-table--busy { color: $state-processing; text-style: bold; }
    RowTable > .row-table--good { color: $success; }
    RowTable > .row-table--warn { color: $warning; }
    RowTable > .row-table--bad { color: $error; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"row-table--{name}" for name in ("titles", "cursor", "cursor-away")),
        *(f"row-table--{look.value}" for look in Look if look is not Look.PLAIN),
    }

    class Moved(Message):
        """The cursor is on another row, or the row under it has changed."""

        def can_replace(self, message: Message) -> bool:
            """The latest place is the only one."""
            return isinstance(message, RowTable.Moved)

    class Opened(Message):
        """A row was chosen with the mouse."""

    def __init__(self, fit: Fit) -> None:
        super().__init__()
        self.rows: Sequence[Row] = ()
        self.cursor = 0
        self._fit = fit
        self._styles: dict[str, Style] = {}

    # ---------------------------------------------------------------- what is shown

    @property
    def page(self) -> int:
        """How many rows are in sight."""
        return max(1, self.size.height - _TITLES)

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.rows else None

    def show(self, rows: Sequence[Row]) -> None:
        """Show these. The cursor stays on its row; where that is gone, on the one that took its place."""
        before, old = self.row, self.rows
        self.rows = rows
        self._measure()
        kept = next((index for index, row in enumerate(rows) if before is not None and row.key == before.key), None)
        self.move_to(self.cursor if kept is None else kept)
        for index in range(max(len(old), len(rows))):
            if old[index : index + 1] != rows[index : index + 1]:
                self._refresh_row(index)
        if self.row != before:
            self.post_message(self.Moved())

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, or the nearest there is, and bring it into sight."""
        before, self.cursor = self.cursor, min(max(0, index), max(0, len(self.rows) - 1))
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + self.page:
            self.scroll_to(y=self.cursor - self.page + 1, animate=False, immediate=True)
        if before != self.cursor:
            self._refresh_row(before)
            self._refresh_row(self.cursor)
            self.post_message(self.Moved())

    def _measure(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.rows) + _TITLES)

    def _refresh_row(self, index: int) -> None:
        line = index - self.scroll_offset.y + _TITLES
        if _TITLES <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    # ---------------------------------------------------------------- what happens to it

    def on_resize(self) -> None:
        """Other columns may fit now."""
        self._measure()
        self.move_to(self.cursor)
        self.refresh()

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._styles.clear()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor is stronger where keys go to."""
        super().watch_has_focus(_has_focus)
        self._refresh_row(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where the mouse points; twice opens."""
        index = self.scroll_offset.y + event.y - _TITLES
        if event.y >= _TITLES and index < len(self.rows):
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Opened())

    # ---------------------------------------------------------------- drawing

    def render_line(self, y: int) -> Strip:
        """One line: the titles, a row, or nothing."""
        width = self.size.width
        index = self.scroll_offset.y + y - _TITLES
        if y < _TITLES:
            style = self.rich_style + self._style("titles")
            titles = {column.name: Cell(column.name) for column in self._columns()}
            return Strip(self._segments(titles, style)).adjust_cell_length(width, self.rich_style)
        if index >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        style = self.rich_style
        if index == self.cursor:
            style = self._style("cursor" if self.has_focus else "cursor-away")
        return Strip(self._segments(self.rows[index].cells, style)).adjust_cell_length(width, style)

    def _columns(self) -> list[Column]:
        """The columns that fit, the one that takes the rest with its width."""
        room = self.scrollable_content_region.width - _GUTTER
        columns = self._fit(room)
        rest = room - sum(column.width for column in columns) - GAP * (len(columns) - 1)
        return [column if column.width else column._replace(width=max(1, rest)) for column in columns]

    def _segments(self, cells: Mapping[str, Cell], base: Style) -> list[Segment]:
        segments = [Segment(" " * _GUTTER, base)]
        for column in self._columns():
            cell = cells.get(column.name, Cell(""))
            text = cut(cell.text, column.width, right=column.right)
            look = base if cell.look is Look.PLAIN else base + self._style(cell.look.value)
            segments += [Segment(text, look), Segment(" " * GAP, base)]
        return segments

    def _style(self, name: str) -> Style:
        style = self._styles.get(name)
        if style is None:
            partial = name not in ("cursor", "cursor-away")
            style = self.get_component_rich_style(f"row-table--{name}", partial=partial)
            self._styles[name] = style
        return style
