"""The metrics pane: when it reads, what it asks for, and where the charts go. They are made in `charts.py`."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, NamedTuple

from rich.style import Style
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from queuectl_core.model.errors import StoreError
from queuectl_tui.actions import Place
from queuectl_tui.background import in_background
from queuectl_tui.bindings import bindings_for
from queuectl_tui.metrics.charts import Ink, Styles, board
from queuectl_tui.metrics.reading import Reader, Reading
from queuectl_tui.metrics.series import Metrics, Window, metrics_of
from queuectl_tui.metrics.words import figures_line, nothing_yet, scope_line
from queuectl_tui.pane import Pane
from queuectl_tui.widgets.line import Line

READ_SECONDS = {Window.QUARTER: 2.0, Window.HOURS: 4.0, Window.DAY: 8.0}
"""How far apart the reads of a window are at least, however often the store changes."""

IDLE_SECONDS = 15.0
"""After so long the charts are read anew even if nothing changed: time itself goes on."""


class Picture(NamedTuple):
    """All that the drawn charts depend on; an equal one need not be drawn again."""

    metrics: Metrics
    width: int
    height: int
    styles: Styles


class MetricsPane(Pane, can_focus=True):
    """Charts of the last minutes or hours, for all queues together or for one."""

    PLACE: ClassVar[Place] = Place.METRICS
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.METRICS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"metrics--{ink.name.lower()}" for ink in Ink}
    DEFAULT_CSS = """
    MetricsPane {
        padding: 0 1;
        & > #metrics-board { height: 1fr; width: 1fr; text-wrap: nowrap; }
        & > .metrics--axis { color: $text-muted; }
        & > .metrics--done { color: $success; }
        & > .metrics--failed { color: $error; }
        & > .metrics--middle { color: $accent; }
        & > .metrics--high { color: $warning; }
        & > .metrics--depth { color: $accent; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.window = Window.QUARTER
        self.queue: str | None = None
        # Held, not looked for: where the console ends during a read, they are no longer to be found.
        self._scope, self._figures = Line(id="metrics-scope"), Line(id="metrics-figures")
        self._board = Static(markup=False, id="metrics-board")
        self._reader: Reader | None = None
        self._queues: tuple[str, ...] = ()
        self._metrics: Metrics | None = None
        self._drawn: Picture | None = None
        self._due = 0.0
        self._read_at = 0.0
        self._stale = True
        self._readable = True
        self._reading = False
        self._drawing = False

    def compose(self) -> ComposeResult:
        """Two lines of words, and the charts."""
        yield self._scope
        yield self._figures
        yield self._board

    def focus_first(self) -> None:
        """The pane itself takes the keys: nothing in it does."""
        self.screen.set_focus(self)

    def status(self) -> Content:
        """How long a step is, and that the last is not over."""
        return Content(f"steps of {self.window.step} min, the last still going on")

    # ------------------------------------------------------------ what keys do

    def do_window(self) -> None:
        """Show the next window."""
        self.window = self.window.next
        self._ask_anew()

    def do_previous_queue(self) -> None:
        """Show the queue before this one; before the first are all together."""
        self._turn(-1)

    def do_next_queue(self) -> None:
        """Show the queue after this one; after the last are all together."""
        self._turn(1)

    def _turn(self, by: int) -> None:
        """A queue that holds nothing any more has no place of its own: from it one goes to the first or last."""
        order: list[str | None] = [None, *self._queues]
        here = order.index(self.queue) if self.queue in order else 0
        self.queue = order[(here + by) % len(order)]
        self._ask_anew()

    def _ask_anew(self) -> None:
        self._stale, self._due = True, 0.0
        self.console.show_edges()  # the status names the window's steps
        in_background(self, "metrics", self.read_quietly)

    # ------------------------------------------------------------ when it reads

    async def refresh_from_store(self) -> None:
        """Read and draw, unless that was done a moment ago; `second` makes up for it then.

        Raises a StoreError where the store cannot be read; the charts stay as they were.
        """
        self._stale = True
        if self._reading:
            return
        self._reading = True
        try:
            while self._stale and time.monotonic() >= self._due:
                await self._read()
        finally:
            self._reading = False
        await self._draw()

    @property
    def has_read(self) -> bool:
        """Whether the last read came to something. What has changed since, and was put off, does not make it worse."""
        return self._readable

    def second(self) -> None:
        """Read what was put off, and what has become old."""
        now = time.monotonic()
        if not self._reading and now >= self._due and (self._stale or now - self._read_at >= IDLE_SECONDS):
            in_background(self, "metrics", self.read_quietly)

    async def _read(self) -> None:
        window, queue = self.window, self.queue
        self._stale, self._read_at = False, time.monotonic()
        self._due = self._read_at + READ_SECONDS[window]
        if self._reader is None:
            self._reader = Reader(self.session)
        try:
            reading = await self._reader.read(window, queue)
        except StoreError:
            self._stale, self._readable = True, False
            raise
        self._readable = True
        metrics = await asyncio.to_thread(_computed, reading, window, queue)
        if (window, queue) == (self.window, self.queue):
            self._queues, self._metrics = reading.queues, metrics
            self._say(reading, metrics)

    def _say(self, reading: Reading, metrics: Metrics) -> None:
        scope = scope_line(metrics.window, metrics.queue, reading.queues, reading.depth, reading.oldest_ms)
        self._scope.show(scope)
        self._figures.show(figures_line(metrics.totals))

    # ------------------------------------------------------------ drawing

    async def on_resize(self) -> None:
        """Draw the charts for the room there is now."""
        in_background(self, "metrics", self._draw)

    def notify_style_update(self) -> None:
        """Draw the charts in the colours of another theme."""
        super().notify_style_update()
        if self._metrics is not None:
            in_background(self, "metrics", self._draw)

    async def _draw(self) -> None:
        """Draw, in a thread, until what is drawn is what there is. A call while that goes on has nothing to add."""
        if self._drawing:
            return
        self._drawing = True
        try:
            while (picture := self._picture()) is not None and picture != self._drawn:
                if picture.metrics.empty:
                    content: Content = nothing_yet(picture.metrics.window, picture.metrics.queue)
                else:
                    content = Content.from_rich_text(await asyncio.to_thread(board, *picture))
                self._drawn = picture
                self._board.update(content)
        finally:
            self._drawing = False

    def _picture(self) -> Picture | None:
        size = self._board.size
        if self._metrics is None or not size.width or not size.height:
            return None
        # Only the colour: a muted one is a shade of the background, which whole styles alone know.
        shades = {ink: self.get_component_rich_style(f"metrics--{ink.name.lower()}").color for ink in Ink}
        styles = {ink: Style(color=shade) for ink, shade in shades.items()}
        return Picture(self._metrics, size.width, size.height, styles)


def _computed(reading: Reading, window: Window, queue: str | None) -> Metrics:
    return metrics_of(reading.minutes, reading.buckets, reading.now, window, queue, depth=reading.depth)
