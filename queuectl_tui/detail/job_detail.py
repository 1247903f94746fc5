"""The widget that shows one job: facts on top, its runs, and the output of one of them below, as it comes.

Where it stands on the screen, and which job it shows, is for the list beside it: `queuectl_tui.detail.beside`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from queuectl_core.model.job import Job, Outcome
from queuectl_tui.actions import Place
from queuectl_tui.background import in_background
from queuectl_tui.bindings import bindings_for, perform
from queuectl_tui.detail.dossier import Dossier, read, read_anew, source_of
from queuectl_tui.detail.facts import Facts
from queuectl_tui.detail.heading import heading
from queuectl_tui.detail.timeline import Timeline
from queuectl_tui.log.view import LogView
from queuectl_tui.widgets.arriving import tell_of_arrival
from queuectl_tui.widgets.line import Line

if TYPE_CHECKING:
    from queuectl_tui.app import QueueConsole

ASIDE = 8
"""Cells that one key scrolls to the side."""

Shown = tuple[int, int, Outcome | None]
"""Whose output is shown: the number of the job, of its run, and how that ended."""


class Above(VerticalScroll, can_focus=False, inherit_bindings=False):
    """What is above the runs; the wheel scrolls it where it has no room. Keys belong to the output."""


class JobDetail(Widget, can_focus=True, can_focus_children=False):
    """Everything about one job. It follows the output of a run that goes on, and goes on to the next run.

    The keys go to the whole of it, so that it can have them at once, before its parts are there.
    """

    DEFAULT_CSS = """
    JobDetail { width: 1fr; height: 1fr; layout: vertical; }
    JobDetail.-beside { width: 55%; border-left: solid $panel; }
    JobDetail Above { width: 1fr; height: auto; padding: 0 1; scrollbar-size-vertical: 1; }
    JobDetail Timeline { padding: 0 1 0 0; margin: 1 0 0 0; }
    JobDetail.-low Timeline { margin: 0; }
    JobDetail > Line { background: $panel; color: $text-muted; padding: 0 1; }
    JobDetail LogView { width: 1fr; height: 1fr; padding: 0 0 0 1; }
    JobDetail.-bare Above, JobDetail.-bare Timeline { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.DETAIL)

    def __init__(self) -> None:
        super().__init__()
        self.facts, self.timeline = Facts(), Timeline()
        self.heading, self.output = Line(), LogView()
        self.above = Above(self.facts)
        self._meant: Job | None = None
        self._dossier: Dossier | None = None
        self._place: int | None = None
        self._shown: Shown | None = None
        self._reading = asyncio.Lock()
        self._pattern = ""

    def compose(self) -> ComposeResult:
        """Facts, runs, the line between, output."""
        yield self.above
        yield self.timeline
        yield self.heading
        yield self.output

    def on_mount(self) -> None:
        """It is given the focus at once."""
        tell_of_arrival(self, self.output)

    @property
    def console(self) -> QueueConsole:
        """The app."""
        return cast("QueueConsole", self.app)

    # ---------------------------------------------------------------- which job

    @property
    def job(self) -> Job | None:
        """The job that is shown, or about to be: what an action is for. None where it is gone."""
        dossier = self._dossier
        if dossier is not None and self._is_meant(dossier.job.number):
            return None if dossier.gone else dossier.job
        return self._meant

    def _is_meant(self, number: int) -> bool:
        return self._meant is not None and self._meant.number == number

    def show_job(self, job: Job) -> None:
        """Show a job, as soon as it is read; until then all stays as it is."""
        self._meant = job
        in_background(self, "read", self.console.quietly, self.refresh_from_store)

    async def refresh_from_store(self) -> None:
        """Read the job, its runs only if it has changed, and show what is new. Raises a StoreError."""
        async with self._reading:
            meant, known = self._meant, self._dossier
            if meant is None:
                return
            session = self.console.session
            if known is None or known.job.number != meant.number:
                known, found = None, await read_anew(session, meant)
            else:
                found = await read(session, known)
            if found is not known and self._is_meant(found.job.number):
                await self._take(found, known)

    async def _take(self, found: Dossier, known: Dossier | None) -> None:
        """Show what was read in place of what was known of the same job, None where another job was shown."""
        self._place = found.run_after(self._place, known)
        self._dossier = found
        with self.app.batch_update():
            self._draw()
            await self._show_output()
        self.console.show_status()

    # ---------------------------------------------------------------- what is drawn

    def second(self) -> None:
        """Ages have changed, and a run that goes on takes longer."""
        self._draw()

    def _draw(self) -> None:
        dossier = self._dossier
        if dossier is None or not self.is_attached:
            return
        now = self.console.session.now()
        self.facts.show(dossier, now)
        self.timeline.show(dossier.runs, self._place or 0, now)
        self._draw_heading()

    @on(LogView.Changed)
    def _draw_heading(self) -> None:
        if self._dossier is not None:
            width = self.heading.size.width
            status, wrapped = self.output.status(), self.output.wrap
            self.heading.show(heading(self._dossier, self._place, status, width, wrapped=wrapped))

    async def _show_output(self) -> None:
        """Show the output of the chosen run; nothing happens where it is shown already."""
        dossier, place = self._dossier, self._place
        if dossier is None or place is None:
            self._shown = None
            self.output.show(None, live=False)
            return
        job, run = dossier.job, dossier.runs[place]
        wanted = (job.number, run.attempt, run.outcome)
        if wanted == self._shown:
            return
        source = await source_of(self.console.session, job, run)
        if (dossier, place) == (self._dossier, self._place):
            at_end = self.output.follow or self._shown is None or self._shown[:2] != wanted[:2]
            self._shown = wanted
            self.output.show(source, live=run.outcome is None)
            self.output.follow = at_end  # how a run went is told at the end of its output

    def on_resize(self) -> None:
        """Share the height: output and runs may have a quarter each, the facts what is left; the output the rest."""
        height = self.size.height
        self.set_class(height < 24, "-low")
        self.timeline.room = min(12, max(3, height // 4))
        rest = height - self.timeline.room - 1 - max(5, height // 4)
        self.above.styles.max_height = max(3, rest)
        self.timeline.refresh(layout=True)
        self.call_after_refresh(self._draw)

    # ---------------------------------------------------------------- which run

    @on(Timeline.Chosen)
    def _chosen(self, message: Timeline.Chosen) -> None:
        self._choose(message.place)

    def _choose(self, place: int) -> None:
        """Show another run, if there is one at that place."""
        if self._dossier is None or self._place is None:
            return
        self._place = min(max(0, place), len(self._dossier.runs) - 1)
        self._draw()
        in_background(self, "output", self.console.quietly, self._show_output)

    def do_earlier_run(self) -> None:
        """The run before."""
        self._choose((self._place or 0) - 1)

    def do_later_run(self) -> None:
        """The run after."""
        self._choose((self._place or 0) + 1)

    # ---------------------------------------------------------------- how it is shown

    def action_do(self, name: str) -> None:
        """Do what a key of the detail is bound to."""
        perform(self, self.console, name)

    def do_facts(self) -> None:
        """Show the facts and the runs, or give their room to the output."""
        self.show_facts(self.has_class("-bare"))

    def show_facts(self, shown: bool) -> None:
        """Whether facts and runs are shown above the output."""
        self.set_class(not shown, "-bare")

    def do_follow(self) -> None:
        """Keep to the end as it grows, or stay here; where nothing more comes, go to the end."""
        if self.output.follow and self._runs_on:
            self.output.follow = False
        else:
            self.output.jump_end()
        self._draw_heading()

    @property
    def _runs_on(self) -> bool:
        """Whether the output that is shown may grow."""
        return self._shown is not None and self._shown[2] is None

    def do_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.output.wrap = not self.output.wrap
        self._draw_heading()

    # ---------------------------------------------------------------- searching

    def do_search(self) -> Coroutine[None, None, None]:
        """Ask what to look for, and go to the first hit; an empty line ends the search."""
        return self._search()

    async def _search(self) -> None:
        pattern = await self.console.prompt("/", self._pattern)
        if pattern is not None:
            self._pattern = pattern
            self.output.search(pattern)
            self._draw_heading()

    def do_next_hit(self) -> None:
        """The next hit; in another run's output the search begins anew."""
        if self.output.status().search is None:
            self.output.search(self._pattern)
        else:
            self.output.next_match()

    def do_previous_hit(self) -> None:
        """The hit before."""
        if self.output.status().search is None:
            self.output.search(self._pattern)
        else:
            self.output.previous_match()

    # ---------------------------------------------------------------- motions

    def do_down(self) -> None:
        """A line down."""
        self.output.scroll_lines(1)

    def do_up(self) -> None:
        """A line up."""
        self.output.scroll_lines(-1)

    def do_top(self) -> None:
        """The first line."""
        self.output.jump_start()

    def do_bottom(self) -> None:
        """The last line; where more may come, follow it."""
        self.output.jump_end()

    def do_half_down(self) -> None:
        """Half a page down."""
        self.output.scroll_pages(0.5)

    def do_half_up(self) -> None:
        """Half a page up."""
        self.output.scroll_pages(-0.5)

    def do_page_down(self) -> None:
        """A page down."""
        self.output.scroll_pages(1)

    def do_page_up(self) -> None:
        """A page up."""
        self.output.scroll_pages(-1)

    def do_scroll_left(self) -> None:
        """To the left."""
        self.output.scroll_columns(-ASIDE)

    def do_scroll_right(self) -> None:
        """To the right."""
        self.output.scroll_columns(ASIDE)
