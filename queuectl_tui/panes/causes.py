"""Dead jobs grouped by how they died: a list of causes, the commonest first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from queuectl_core.model.cleaning import clean
from queuectl_core.store.transactions.causes import StemCause
from queuectl_tui.looks.cells import age, cut, how_it_ended

_TITLES = 1
_JOBS, _AGE, _STEM, _GAP = 7, 6, 18, 2


def words_of(cause: StemCause) -> str:
    """How they died, in a few words."""
    return how_it_ended(cause.error, cause.exit_code, cause.signal) or "unknown"


class CauseList(ScrollView, can_focus=True, inherit_bindings=False):
    """A line a cause: how many, when first and last, what ran, how it ended."""

    DEFAULT_CSS = """
    CauseList { height: 1fr; width: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    CauseList > .causes--titles { color: $text-muted; text-style: bold; }
    CauseList > .causes--count { text-style: bold; }
    CauseList > .causes--muted { color: $text-muted; }
    CauseList > .causes--cursor { background: $primary 25%; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"causes--titles", "causes--count", "causes--muted", "causes--cursor"}

    class Opened(Message):
        """A cause was chosen with the mouse."""

    def __init__(self, now: Callable[[], int], advice: Callable[[], Sequence[str]]) -> None:
        """`advice` says what an empty list means, a line each."""
        super().__init__()
        self._advice = advice
        self.causes: Sequence[StemCause] = ()
        self.cursor = 0
        self._now = now

    @property
    def cause(self) -> StemCause | None:
        """The cause under the cursor."""
        return self.causes[self.cursor] if self.cursor < len(self.causes) else None

    @property
    def page(self) -> int:
        """How many are in sight."""
        return max(1, self.size.height - _TITLES)

    def show(self, causes: Sequence[StemCause]) -> None:
        """Show these; the cursor stays with its cause."""
        kept = self.cause
        self.causes = causes
        same = (row for row, cause in enumerate(causes) if kept is not None and cause[:4] == kept[:4])
        self.virtual_size = Size(self.size.width, len(causes) + _TITLES)
        self.move_to(next(same, self.cursor))
        self.refresh()

    def move_to(self, row: int) -> None:
        """Put the cursor on a row, and bring it into sight."""
        self.cursor = min(max(0, row), max(0, len(self.causes) - 1))
        top = self.scroll_offset.y
        if not top <= self.cursor < top + self.page:
            target = self.cursor if self.cursor < top else self.cursor - self.page + 1
            self.scroll_to(y=target, animate=False, immediate=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The titles, a cause, or nothing."""
        width = self.size.width
        rest = max(1, width - 2 - _JOBS - 2 * _AGE - _STEM - 4 * _GAP)
        if y < _TITLES:
            style = self.rich_style + self.get_component_rich_style("causes--titles", partial=True)
            texts = ("JOBS", "FIRST", "LAST", "PROGRAM", "CAUSE")
            return self._line(texts, rest, [style] * 5, style)
        row = self.scroll_offset.y + y - _TITLES
        if row >= len(self.causes):
            return self._blank(row)
        cause, now = self.causes[row], self._now()
        base = self.get_component_rich_style("causes--cursor") if row == self.cursor else self.rich_style
        count, muted = (
            base + self.get_component_rich_style(f"causes--{name}", partial=True) for name in ("count", "muted")
        )
        texts = (
            f"{cause.jobs:,}",
            age(cause.first_at, now),
            age(cause.last_at, now),
            clean(cause.stem),
            words_of(cause),
        )
        return self._line(texts, rest, [count, muted, muted, base, base], base)

    def _blank(self, row: int) -> Strip:
        advice = () if self.causes else self._advice()
        style = self.rich_style + self.get_component_rich_style("causes--muted", partial=True)
        text = f"  {advice[row - 1]}" if 1 <= row <= len(advice) else ""
        return Strip([Segment(text, style)]).adjust_cell_length(self.size.width, self.rich_style)

    def _line(self, texts: Sequence[str], rest: int, styles: Sequence[Style], base: Style) -> Strip:
        widths, gap = (_JOBS, _AGE, _AGE, _STEM, rest), Segment(" " * _GAP, base)
        segments = [Segment("  ", base)]
        for index, (text, width, style) in enumerate(zip(texts, widths, styles, strict=True)):
            segments += [Segment(cut(text, width, right=index < 3), style), gap]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: events.Click) -> None:
        """The cursor goes where the mouse points; twice opens."""
        row = self.scroll_offset.y + event.y - _TITLES
        if event.y >= _TITLES and row < len(self.causes):
            self.move_to(row)
            if event.chain == 2:
                self.post_message(self.Opened())
