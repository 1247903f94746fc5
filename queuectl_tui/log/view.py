"""The widget that shows the output of one run: as `less +F` would, at once at any size. It binds no keys.

Here is what goes on in time: which log is shown, looking for what is new, counting and searching in
the background. Until the lines are counted there are no line numbers, and everything else works.
What is on the screen lives in `canvas`, how a file is read in `reading`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import NamedTuple

from textual.message import Message
from textual.timer import Timer
from textual.worker import Worker

from queuectl_tui.background import in_background
from queuectl_tui.log.canvas import LogCanvas
from queuectl_tui.log.files import LogSource
from queuectl_tui.log.lines import count_lines
from queuectl_tui.log.needle import Hit, needle_for
from queuectl_tui.log.pieces import end_of
from queuectl_tui.log.reading import Change, Reading
from queuectl_tui.log.search import Search, SearchStatus
from queuectl_tui.log.viewport import START, Place, up

POLL = 0.25
"""Seconds between two looks at a log that grows."""

REPORT = 0.1
"""Seconds between two reports of a search that goes on."""


class LogStatus(NamedTuple):
    """What a status line says of a log. `lines`, and `line` at the top, from 1, are None until they are counted."""

    lines: int | None
    line: int | None
    bytes: int
    at_end: bool
    following: bool
    search: SearchStatus | None


class LogView(LogCanvas, inherit_bindings=False):
    """The output of one run. The owner maps keys to its methods and draws a status line from `Changed`."""

    class Changed(Message):
        """Something that a status line tells of has changed."""

        def __init__(self, view: LogView, status: LogStatus) -> None:
            self.view = view
            self.status = status
            super().__init__()

        @property
        def control(self) -> LogView:
            """The view it comes from."""
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._reported: LogStatus | None = None
        self._reported_at = 0.0
        self._clock: Timer | None = None
        self._seen = False
        self._undrawn = False
        self._counter: Worker[None] | None = None
        self._scanner: Worker[None] | None = None
        self._finder: Worker[None] | None = None
        self._moves: deque[bool] = deque()
        """From match to match, as they were asked for and not made yet: whether each is forward."""

    # ------------------------------------------------------------ what is shown

    def show(self, source: LogSource | None, *, live: bool) -> None:
        """Show a log from its start, or, where its run goes on, its end; nothing where `source` is None.

        Called again for the same file as its run ends, it stays where it is.
        """
        reading = self._reading
        if reading is not None and source is not None and reading.source.path == source.path and reading.live >= live:
            if reading.live and not live:
                self._take(reading.ended(source))
                self.follow = False
            else:
                self._look()
        else:
            self._replace(Reading(source, live=live) if source is not None else None)
        self._mind_clock()

    def _replace(self, reading: Reading | None) -> None:
        if self._reading is not None:
            self._reading.close()
        self._reading = reading
        self._seeker = None
        self._top, self._left = START, 0
        self.set_reactive(LogView.follow, reading is not None and reading.grows)
        self._begin()

    def _begin(self) -> None:
        """What is shown is another file: nothing that was known of it holds."""
        if self.is_attached:
            self.workers.cancel_node(self)
        self._counter = self._scanner = self._finder = None
        self._moves.clear()
        self._undrawn = False
        if self._seeker is not None and self._reading is not None:
            self._seeker = Search(self._seeker.needle, self._reading.origin)
        self._drawn = None
        self._work()
        self._arrange()

    def _take(self, change: Change) -> None:
        match change:
            case Change.ANEW:
                self._top = START
                self._begin()
            case Change.GROWN if self._is_counting:
                self._work()
                self._arrange()
            case Change.GROWN:
                self._undrawn = True
                self._work()
            case Change.NOTICED:
                self._arrange()
            case Change.NOTHING:
                pass

    # ------------------------------------------------------------ search

    def search(self, pattern: str) -> None:
        """Look for plain text from the top of the screen on, and go to the first match.

        Case counts where the pattern has an upper-case letter. How far it is comes with `Changed`.
        An empty pattern ends the search.
        """
        self.clear_search()
        if self._reading is None or not pattern:
            return
        self._seeker = Search(needle_for(pattern), self._reading.origin)
        self._drawn = None
        self._work()
        self._move(forward=True)
        self._arrange()

    def clear_search(self) -> None:
        """End the search; what was marked is so no longer."""
        self.workers.cancel_group(self, "scan")
        self.workers.cancel_group(self, "seek")
        self._seeker = self._scanner = self._finder = self._drawn = None
        self._moves.clear()
        self._arrange()

    def next_match(self) -> None:
        """Go to the match after the current one, after the last to the first."""
        self._move(forward=True)

    def previous_match(self) -> None:
        """Go to the match before the current one, before the first to the last."""
        self._move(forward=False)

    def _move(self, *, forward: bool) -> None:
        """Go one match on, after the moves that were asked for before: each begins where the last has ended."""
        if (seeker := self._seeker) is None:
            return
        self._moves.append(forward)
        if self._finder is None or self._finder.is_finished:
            self._finder = in_background(self, "seek", self._find, seeker)

    async def _find(self, seeker: Search) -> None:
        while seeker is self._seeker and self._moves:
            place = seeker.current or Hit(self._top.offset, -1)
            hit = await seeker.seek(place, forward=self._moves.popleft())
            if hit is not None and seeker is self._seeker:
                self._drawn = None
                self._bring(hit)
        self._report()

    def _bring(self, hit: Hit) -> None:
        """Bring a match into sight: where it is not, its row comes a third from the top."""
        reading = self._reading
        if reading is None or not self._height:
            return
        self.set_reactive(LogView.follow, False)
        end = end_of(reading.log, hit.offset)
        row = self._drawing.row_of(hit, end) if self.wrap else 0
        if not any((shown.start, shown.row) == (hit.offset, row) for shown in self._rows()):
            self._top = up(reading.log, self._drawing.rows, Place(hit.offset, row), self._height // 3)
        first, behind = (0, 0) if self.wrap else self._drawing.columns(hit, end)
        if not self._left <= first <= behind <= self._left + self._width:
            self._left = max(0, behind - self._width * 2 // 3)
        self._arrange()

    # ------------------------------------------------------------ work in the background

    def _work(self) -> None:
        """Count lines and matches in what is new. What still goes on takes in what has come."""
        if (reading := self._reading) is None or not self.is_attached:
            return
        if not self._is_counting:
            self._counter = in_background(self, "count", self._count, reading)
        if self._seeker is not None and (self._scanner is None or self._scanner.is_finished):
            self._scanner = in_background(self, "scan", self._scan, self._seeker)

    @property
    def _is_counting(self) -> bool:
        return self._counter is not None and not self._counter.is_finished

    async def _count(self, reading: Reading) -> None:
        index, log = reading.index, reading.origin
        while index.end < log.size and reading.index is index:
            index.add(await asyncio.to_thread(count_lines, log, index.end, log.size))
            self._draw_new()
        self._draw_new()
        self._place_scroll_bar()
        self._report()

    def _draw_new(self) -> None:
        """Draw what has come, once the first of it is counted: lines, numbers and bar in one picture, not in two."""
        if self._undrawn:
            self._arrange()

    async def _scan(self, seeker: Search) -> None:
        await seeker.scan(self._report_now_and_then)
        self._report()

    def _report_now_and_then(self) -> None:
        if time.monotonic() - self._reported_at >= REPORT:
            self._report()

    def _arrange(self) -> None:
        self._undrawn = False
        super()._arrange()

    def _look(self) -> None:
        if self._reading is not None:
            self._take(self._reading.look())

    def _poll(self) -> None:
        if self._in_sight():
            self._look()

    def _in_sight(self) -> bool:
        """Whether the screen is on top, or seen through those above. A screen below an opaque one counts as current."""
        if self.screen.is_active:
            return True
        return self.app.screen.styles.background.a < 1 and self.screen.is_current

    def _mind_clock(self) -> None:
        """Let the clock run only while it is of use: something may come, and somebody sees it."""
        if self._clock is None:
            return
        if self._seen and self._reading is not None and self._reading.grows:
            self._clock.resume()
        else:
            self._clock.pause()

    # ------------------------------------------------------------ life of the widget

    def on_mount(self) -> None:
        """Begin with what was to be shown before."""
        self._clock = self.set_interval(POLL, self._poll, pause=True)
        self._work()

    def on_show(self) -> None:
        """Catch up with what came while nobody looked."""
        self._seen = True
        self._mind_clock()
        self._look()

    def on_hide(self) -> None:
        """Stop looking."""
        self._seen = False
        self._mind_clock()

    def on_unmount(self) -> None:
        """Let go of the file."""
        if self._reading is not None:
            self._reading.close()

    # ------------------------------------------------------------ what the owner is told

    def status(self) -> LogStatus:
        """What a status line says now."""
        reading = self._reading
        if reading is None:
            return LogStatus(0, None, 0, at_end=True, following=False, search=None)
        return LogStatus(
            reading.index.lines(reading.log),
            reading.index.number_at(reading.log, self._top.offset),
            reading.log.size,
            at_end=self._at_end,
            following=self.follow,
            search=self._seeker.status() if self._seeker is not None else None,
        )

    def _report(self) -> None:
        """Post what has changed, if anything has."""
        if not self.is_attached:
            return
        status = self.status()
        if status != self._reported:
            self._reported = status
            self._reported_at = time.monotonic()
            self.post_message(self.Changed(self, status))
