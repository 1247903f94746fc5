"""The table of jobs: draws the rows it was given, moves a cursor, and says which rows it needs. It reads nothing.

Textual's Line API: only lines that have changed are drawn again, and a list of ten million rows costs what a
screenful costs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from queuectl_core.model.job import Job, JobState
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.listing.columns import Column, Fitted, Tone, fit
from queuectl_tui.listing.rows import Marks, Stretch
from queuectl_tui.looks.cells import GAP, cut

_GUTTER = 2
"""Cells before the first column: the sign of a marked row."""

_TITLES = 1
"""Lines above the first row."""


class _Line(NamedTuple):
    """All that a drawn line depends on: the texts of its cells, how they are coloured, and what it stands on."""

    texts: tuple[str, ...]
    state: JobState | None
    marked: bool
    on: str


class JobTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of jobs. Give it rows with `show`; it asks for others by `Wanted`."""

    DEFAULT_CSS = """
    JobTable { height: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden;
        scrollbar-gutter: stable; }
    JobTable > .job-table--titles { color: $text-muted; text-style: bold; }
    JobTable > .job-table--muted { color: $text-muted; }
    JobTable > .job-table--strong { text-style: bold; }
    JobTable > .job-table--mark { color: $accent; text-style: bold; }
    JobTable > .job-table--cursor { background: $primary 25%; }
    JobTable > .job-table--cursor-away { background: $panel; }
    JobTable > .job-table--pending { color: $state-pending; }
    JobTable > .job-table--processing { color: $state-processing; text-style: bold; }
    JobTable > .job-table--completed { color: $state-completed; }
    JobTable > .job-table--failed { color: $state-failed; }
    JobTable > .job-table--dead { color: $state-dead; text-style: bold; }
    JobTable > .job-table--cancelled { color: $state-cancelled; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"job-table--{name}" for name in ("titles", "muted", "strong", "mark", "cursor", "cursor-away")),
        *(f"job-table--{state.value}" for state in JobState),
    }

    cursor: reactive[int] = reactive(0, init=False, repaint=False)

    class Wanted(Message):
        """Rows that are not held have come into sight, or are about to."""

        def can_replace(self, message: Message) -> bool:
            """The latest wish is the only one."""
            return isinstance(message, JobTable.Wanted)

    class Moved(Message):
        """The cursor is on another row, or another job is under it."""

        def can_replace(self, message: Message) -> bool:
            """The latest place is the only one."""
            return isinstance(message, JobTable.Moved)

    class Opened(Message):
        """A row was chosen with the mouse."""

    class TitlePressed(Message):
        """The title of a column was pressed."""

        def __init__(self, column: SortColumn) -> None:
            self.column = column
            super().__init__()

    def __init__(
        self, columns: Sequence[Column], now: Callable[[], int], marks: Marks, advice: Callable[[], Sequence[str]]
    ) -> None:
        """`advice` says what to do where the list is empty, a line each."""
        super().__init__()
        self._advice = advice
        self.stretch = Stretch()
        self.sorted_by: tuple[SortColumn, bool] = (SortColumn.ID, True)
        self.columns = columns
        self._fits: tuple[int, list[Fitted]] = (0, [])
        self._now = now
        self._marks = marks
        self._styles: dict[tuple[str, str], Style] = {}
        self._drawn: dict[int, _Line] = {}
        self._page = 1

    # ---------------------------------------------------------------- what is shown

    @property
    def page(self) -> int:
        """How many rows are in sight; while the table is hidden, how many were."""
        if self.size.height > _TITLES:
            self._page = self.size.height - _TITLES
        return self._page

    @property
    def top(self) -> int:
        """The first row in sight."""
        return self.scroll_offset.y

    @property
    def job(self) -> Job | None:
        """The job under the cursor."""
        return self.stretch.at(self.cursor)

    def choose(self, columns: Sequence[Column]) -> None:
        """Show these columns, as far as there is room."""
        self.columns, self._fits = columns, (0, [])
        self.redraw()

    @property
    def sortable(self) -> list[SortColumn]:
        """What the columns in sight are sorted by, from the left."""
        return [fitted.column.sort for fitted in self._fitted]

    @property
    def _fitted(self) -> list[Fitted]:
        """The columns in sight. Asked for rather than kept: the first picture is drawn before a resize is told."""
        width = self.scrollable_content_region.width
        if width != self._fits[0]:
            self._fits = width, fit(self.columns, width - _GUTTER)
        return self._fits[1]

    def show(self, stretch: Stretch, cursor: int) -> None:
        """Draw these rows, with the cursor there; only lines that differ are drawn again."""
        before, held, self.stretch = self.job, self.stretch, stretch
        size = Size(self.size.width, stretch.total + _TITLES)
        if size != self.virtual_size:
            self.virtual_size = size
        self.cursor = min(max(0, cursor), max(0, stretch.total - 1))
        self._redraw_what_differs()
        if stretch != held and not stretch.covers(self.top, self.top + self.page):
            # Somebody has moved on while these were read. Asked once: rows that are counted and cannot be had exist.
            self.post_message(self.Wanted())
        after = self.job
        if (before and before.number) != (after and after.number) or before != after:
            self.post_message(self.Moved())

    def redraw_ages(self) -> None:
        """Draw the rows again whose text has changed with the time."""
        self._redraw_what_differs()

    def redraw(self) -> None:
        """Draw every line again: marks, order or theme have changed."""
        self._drawn.clear()
        self.refresh()

    def _redraw_what_differs(self) -> None:
        width = self.size.width
        for line in range(_TITLES, self.size.height):
            row = self.top + line - _TITLES
            if self._drawn.get(row) != self._content(row):
                self.refresh(Region(0, line, width, 1))

    def _content(self, row: int) -> _Line:
        job = self.stretch.at(row)
        on = "" if row != self.cursor else "cursor" if self.has_focus else "cursor-away"
        if job is None:
            return _Line((self._in_place_of_a_row(row),), None, False, on)
        now = self._now()
        texts = tuple(fitted.column.cell(job, now) for fitted in self._fitted)
        return _Line(texts, job.state, job.number in self._marks, on)

    def _in_place_of_a_row(self, row: int) -> str:
        if self.stretch.total:
            return "  …" if row < self.stretch.total else ""
        advice = self._advice()
        return "  " + advice[row - 1] if 1 <= row <= len(advice) else ""

    # ---------------------------------------------------------------- moving

    def move_to(self, row: int) -> None:
        """Put the cursor on a row, or the nearest there is, and bring it into sight."""
        self.cursor = min(max(0, row), max(0, self.stretch.total - 1))
        if self.cursor < self.top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= self.top + self.page:
            self.scroll_to(y=self.cursor - self.page + 1, animate=False, immediate=True)

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two lines that have changed."""
        if before != after:
            for row in (before, after):
                line = row - self.top + _TITLES
                if _TITLES <= line < self.size.height:
                    self.refresh(Region(0, line, self.size.width, 1))
            self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Ask for rows that come into sight, and some beyond them, so that they are there when they do."""
        super().watch_scroll_y(old_value, new_value)
        if not self.stretch.covers(self.top - self.page, self.top + 2 * self.page):
            self.post_message(self.Wanted())

    # ---------------------------------------------------------------- drawing

    def on_resize(self) -> None:
        """Other rows and columns are in sight."""
        self.virtual_size = Size(self.size.width, self.stretch.total + _TITLES)
        self.move_to(self.cursor)
        self._redraw_what_differs()
        self.post_message(self.Wanted())

    def notify_style_update(self) -> None:
        """Another theme: every line in its colours."""
        super().notify_style_update()
        self._styles.clear()
        self._drawn.clear()

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor is stronger where keys go to."""
        super().watch_has_focus(_has_focus)
        self._redraw_what_differs()

    def render_line(self, y: int) -> Strip:
        """One line: the titles, a row, or nothing."""
        width = self.size.width
        if y < _TITLES:
            return Strip(self._titles()).adjust_cell_length(width, self._style())
        row = self.top + y - _TITLES
        line = self._drawn[row] = self._content(row)
        if len(self._drawn) > 4 * self.page:
            self._drawn = {kept: self._drawn[kept] for kept in range(self.top, row + 1) if kept in self._drawn}
        if line.state is None:
            return Strip([Segment(line.texts[0], self._style("", "muted"))]).adjust_cell_length(width, self._style())
        segments, length = self._row(line, line.state)
        return Strip(segments, length).adjust_cell_length(width, self._style(line.on))

    def _titles(self) -> list[Segment]:
        style = self._style("", "titles")
        segments = [Segment(" " * _GUTTER, style)]
        by, descending = self.sorted_by
        for fitted in self._fitted:
            arrow = ("▾" if descending else "▴") if fitted.column.sort is by else ""
            text = cut(fitted.column.title + arrow, fitted.width, right=fitted.column.right)
            segments.append(Segment(text + " " * GAP, style))
        return segments

    def _row(self, line: _Line, state: JobState) -> tuple[list[Segment], int]:
        """The segments of a row, and how many cells they have."""
        segments = [Segment("● " if line.marked else "  ", self._style(line.on, "mark"))]
        length = _GUTTER
        for fitted, text in zip(self._fitted, line.texts, strict=True):
            tone = state.value if fitted.column.tone is Tone.STATE else fitted.column.tone.value
            cell = cut(text, fitted.width, right=fitted.column.right) + " " * GAP
            segments.append(Segment(cell, self._style(line.on, tone)))
            length += fitted.width + GAP
        return segments, length

    def _style(self, on: str = "", tone: str = "") -> Style:
        """The style of a tone on a background; made once, since Textual makes it anew each time it is asked."""
        style = self._styles.get((on, tone))
        if style is None:
            style = self.get_component_rich_style(f"job-table--{on}") if on else self.rich_style
            if tone not in ("", "plain"):
                style += self.get_component_rich_style(f"job-table--{tone}", partial=True)
            self._styles[on, tone] = style
        return style

    # ---------------------------------------------------------------- mouse

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where the mouse points; twice opens; a title sorts."""
        if event.y < _TITLES:
            for fitted in self._fitted:
                if fitted.start <= event.x - _GUTTER < fitted.start + fitted.width + GAP:
                    self.post_message(self.TitlePressed(fitted.column.sort))
            return
        row = self.top + event.y - _TITLES
        if row < self.stretch.total:
            self.move_to(row)
            if event.chain == 2:
                self.post_message(self.Opened())
