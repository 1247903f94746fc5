"""The surface a log is drawn on: rows, motions, the scroll bar. Which log, following and searching is the view's.

Where one is in a log is a place in its bytes, not a line number: every motion reads the few blocks
around it, so none waits for the whole to be read. The scroll bar counts in lines, and stands still
until they are counted; its handle is moved by hand as any other.
"""

from __future__ import annotations

import textwrap
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollDown, ScrollTo, ScrollUp
from textual.strip import Strip
from textual.widget import Widget

from queuectl_tui.log.drawing import Drawing, Ground, Marks
from queuectl_tui.log.pieces import start_of
from queuectl_tui.log.reading import Reading
from queuectl_tui.log.search import Search
from queuectl_tui.log.viewport import START, Place, Row, down, lowest_top, nearest, screen, up

WHEEL = 3
"""Rows that one step of a mouse wheel scrolls."""


class LogCanvas(ScrollView, can_focus=True, inherit_bindings=False):
    """Draws the log of `_reading` from `_top` on. It never looks for changes by itself."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log-view--notice", "log-view--match", "log-view--current"}
    DEFAULT_CSS = """
    LogCanvas {
        overflow-x: hidden;
        overflow-y: scroll;
        scrollbar-size-vertical: 1;
        & > .log-view--notice { color: $text-muted; text-style: italic; }
        & > .log-view--match { text-style: reverse underline; }
        & > .log-view--current { color: $accent; text-style: bold reverse underline; }
    }
    """

    follow: reactive[bool] = reactive(False, init=False)
    """Whether the end stays in sight as the log grows."""

    wrap: reactive[bool] = reactive(False, init=False)
    """Whether long lines go on in the next row."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._reading: Reading | None = None
        self._seeker: Search | None = None
        self._drawn: Drawing | None = None
        self._page: list[Row] | None = None
        self._paper: Ground | None = None
        self._top = START
        self._left = 0
        self._at_end = True

    def _look(self) -> None:
        """Take notice of what happened to the log: called before every motion."""

    def _report(self) -> None:
        """Tell of what has changed: called after every change."""

    # ------------------------------------------------------------ motions

    def scroll_lines(self, count: int) -> None:
        """Move down by `count` rows, or up where it is negative."""
        self._look()
        if (reading := self._reading) is None or not self._height:
            return
        move = down if count > 0 else up
        self._go(move(reading.log, self._drawing.rows, self._top, abs(count)), downward=count > 0)

    def scroll_pages(self, pages: float) -> None:
        """Move by screens, 0.5 being half of one; up where it is negative."""
        rows = int(abs(pages) * self._height) - (abs(pages) == 1)  # a row of the last page stays
        self.scroll_lines(max(1, rows) * (1 if pages > 0 else -1))

    def scroll_columns(self, count: int) -> None:
        """Move right by `count` cells, or left where it is negative, as far as the lines in sight reach."""
        if self.wrap or self._reading is None:
            return
        widest = max((self._drawing.cells(row.start, row.end) for row in self._rows()), default=0)
        self._left = max(0, min(self._left + count, widest - self._width))
        self.refresh()

    def jump_start(self) -> None:
        """Go to the first line."""
        self._look()
        self._go(START, downward=False)

    def jump_end(self) -> None:
        """Go to the last line; where the run goes on, stay at the end from now on."""
        self._look()
        if (reading := self._reading) is not None and self._height:
            self._go(lowest_top(reading.log, self._drawing.rows, self._height), downward=True)

    def _go(self, top: Place, *, downward: bool) -> None:
        self._top = top
        if not downward:
            self.set_reactive(LogCanvas.follow, False)
        self._arrange()
        if downward and self._at_end and self._reading is not None and self._reading.grows:
            self.follow = True

    def watch_follow(self, follow: bool) -> None:
        """Go to the end, where it is to stay in sight."""
        if follow:
            self._look()
        self._arrange()

    def watch_wrap(self) -> None:
        """Draw everything anew at the same place."""
        self._left = 0
        self._drawn = None
        self._top = Place(self._top.offset, 0)
        self._arrange()

    # ------------------------------------------------------------ what is in sight

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def _height(self) -> int:
        """Rows of the log that fit below the notice; 0 before there is a size."""
        return max(0, self.scrollable_content_region.height - len(self._notice))

    @property
    def _notice(self) -> list[str]:
        """What is said above the log, in rows: in one, or none, but that the way to another host is never cut."""
        reading = self._reading
        text = reading.notice if reading is not None else ""
        if reading is None or not reading.source.away or len(text) <= self._width:
            return [text] if text else []
        return textwrap.wrap(text, max(1, self._width), break_on_hyphens=False)

    @property
    def _drawing(self) -> Drawing:
        """The drawn pieces, begun anew where width, marks or theme have changed. There must be a reading."""
        assert self._reading is not None
        if self._drawn is None:
            marks = Marks(
                self._seeker.needle if self._seeker is not None else None,
                self._seeker.current if self._seeker is not None else None,
                self._partial_style("log-view--match"),
                self._partial_style("log-view--current"),
            )
            self._drawn = Drawing(self._reading.log, self._width, marks, wrap=self.wrap)
        return self._drawn

    def _partial_style(self, name: str) -> Style:
        return self.get_component_rich_style(name, partial=True)

    def _rows(self) -> list[Row]:
        if self._page is None:
            reading = self._reading
            self._page = (
                list(screen(reading.log, self._drawing.rows, self._top, self._height)) if reading is not None else []
            )
        return self._page

    def _arrange(self) -> None:
        """After any change: keep the top where it may be, and let all that depends on it follow."""
        self._page = None
        if self._reading is not None and self._height:
            log, rows = self._reading.log, self._drawing.rows
            lowest = lowest_top(log, rows, self._height)
            self._top = lowest if self.follow else min(nearest(log, rows, self._top), lowest)
            self._at_end = self._top >= lowest
        self._place_scroll_bar()
        self.refresh()
        self._report()

    @property
    def _ground(self) -> Ground:
        """What all rows of one picture are drawn on: to find it for each of them took a third of their time."""
        if self._paper is None:
            self._paper = Ground(self.app.console, self.rich_style, self._width)
        return self._paper

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows of one picture."""
        self._paper = None
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One row of the widget: the notice, where there is one, and the log below it."""
        ground = self._ground
        if notice := self._notice:
            if y < len(notice):
                return self._notice_line(notice[y], ground.width)
            y -= len(notice)
        rows = self._rows()
        if self._reading is None or y >= len(rows):
            return Strip.blank(ground.width, ground.style)
        return self._drawing.strip(ground, rows[y], self._left)

    def _notice_line(self, text: str, width: int) -> Strip:
        style = self.get_component_rich_style("log-view--notice")
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def on_resize(self) -> None:
        """Fit what is shown to the new size."""
        self._drawn = self._paper = None
        self._arrange()

    def notify_style_update(self) -> None:
        """Draw anew in the new theme."""
        super().notify_style_update()
        self._drawn = self._paper = None
        self._page = None

    # ------------------------------------------------------------ scroll bar and wheel

    def _place_scroll_bar(self) -> None:
        """Let the bar show where the top is, in lines. It is told, not asked: `scroll_y` never moves the log."""
        reading = self._reading
        lines = reading.index.lines(reading.log) if reading is not None else 0
        if reading is None or lines is None or not self.is_attached:
            return
        number = reading.index.number_at(reading.log, self._top.offset) or 1
        # The bar is always there, so nothing moves as the log grows: no new layout of the screen for each new line.
        self.set_reactive(Widget.virtual_size, Size(self._width, lines))
        position = float(self.max_scroll_y if self._at_end else min(number - 1, self.max_scroll_y))
        self.set_reactive(Widget.scroll_y, position)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = lines
            self.vertical_scrollbar.position = position

    def on_scroll_to(self, message: ScrollTo) -> None:
        """The handle was dragged."""
        message.stop()
        message.prevent_default()
        reading = self._reading
        if message.y is None or reading is None:
            return
        if message.y >= self.max_scroll_y:
            self.jump_end()
            return
        offset = reading.index.offset_of(reading.log, round(message.y) + 1)
        place = Place(start_of(reading.log, offset), 0)
        self._go(place, downward=place > self._top)

    def on_scroll_up(self, message: ScrollUp) -> None:
        """The bar was clicked above its handle."""
        message.stop()
        message.prevent_default()
        self.scroll_pages(-1)

    def on_scroll_down(self, message: ScrollDown) -> None:
        """The bar was clicked below its handle."""
        message.stop()
        message.prevent_default()
        self.scroll_pages(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel turned up."""
        event.stop()
        event.prevent_default()
        self.scroll_lines(-WHEEL)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel turned down."""
        event.stop()
        event.prevent_default()
        self.scroll_lines(WHEEL)
