"""The console: five panes, the lines at the edges of the screen, and a watch on the store.

Only here is known which pane is in sight. What panes show is in `panes/`, what actions do in `acting/`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.dom import DOMNode
from textual.screen import Screen

from queuectl_core.model.errors import QueueError
from queuectl_core.model.job import JobState
from queuectl_tui import closing
from queuectl_tui.acting.undo import Undo
from queuectl_tui.acting.work import Work
from queuectl_tui.actions import PANE_ACTIONS, PANES, Place
from queuectl_tui.background import in_background
from queuectl_tui.bindings import bindings_for, perform
from queuectl_tui.listing.order import Order, first_rows
from queuectl_tui.listing.rows import Stretch
from queuectl_tui.looks import themes
from queuectl_tui.pane import Pane
from queuectl_tui.panes.jobs import JobsPane
from queuectl_tui.remembered import Memory
from queuectl_tui.room import Room
from queuectl_tui.session import Session
from queuectl_tui.switching import Switching
from queuectl_tui.telling import Telling
from queuectl_tui.vital import Vital, read_vital
from queuectl_tui.widgets import edges
from queuectl_tui.widgets.line import Line

LOOK_SECONDS = 0.25
"""How often it is looked whether the store has changed."""


class QueueConsole(Telling):
    """The full-screen face of one queue."""

    CSS_PATH = "console.tcss"
    ENABLE_COMMAND_PALETTE = False  # ours is opened by an action of the table
    TITLE = "queuectl"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.EVERYWHERE)

    def __init__(self, session: Session, *, demo: bool = False, memory: Memory | None = None) -> None:
        super().__init__()
        self.session = session
        self.demo = demo
        self.memory = memory or Memory()
        self.undo = Undo()
        self.work: Work | None = None
        self.vital = Vital({})
        self.hands = 0
        self.pools_started: set[str] = set()
        self.shown = Place.JOBS
        self._switching = Switching(self)
        self._room = Room(self)
        self.panes: dict[Place, Pane] = {}
        self._lines = {name: Line(id=name) for name in ("header", "tabs", "status", "footer", "too-small")}
        self._look = asyncio.Event()
        self._waited = False
        self._ahead: Stretch | None = None
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.theme = self.memory.choices.theme or themes.DEFAULT

    # ---------------------------------------------------------------- composition

    def compose(self) -> ComposeResult:
        """The lines at the edges; the panes come one by one."""
        self.panes[Place.JOBS] = JobsPane(id="jobs")
        yield self._lines["header"]
        yield self._lines["tabs"]
        with Container(id="panes"):
            yield self.panes[Place.JOBS]
        for name in ("status", "footer", "too-small"):
            yield self._lines[name]

    def on_mount(self) -> None:
        """Read the first rows, and keep watch."""
        self.panes[Place.JOBS].focus_first()
        in_background(self, "watch", self._watch)
        if self.memory.choices.pane is not self.shown:
            in_background(self, "panes", self.open_pane, self.memory.choices.pane)
        self.set_interval(1.0, self._second)

    # ---------------------------------------------------------------- the watch

    async def _watch(self) -> None:
        """Look at the store four times a second; only when it has changed does the pane in sight read it."""
        await self._read_all()
        while True:
            try:
                await asyncio.wait_for(self._look.wait(), LOOK_SECONDS)
                asked = True
            except TimeoutError:
                asked = False
            self._look.clear()
            await self._read_if_changed(asked=asked)

    async def _read_if_changed(self, *, asked: bool) -> None:
        try:
            changed = await self.session.changed()
        except QueueError:
            self.show_edges()
            return
        if changed or asked or self.pane.trouble:
            await self._read_all()

    async def _read_all(self) -> None:
        await self.pane.read_quietly()
        await self.quietly(self._read_vital)
        self.pane.second()
        self.show_edges()

    async def _read_vital(self) -> None:
        from queuectl_tui.pools.reading import count_hands  # Here: the first picture can do without.

        self.hands = await count_hands(self.session)
        self.vital = await read_vital(self.session)

    async def read_ahead(self, rows: int) -> None:
        """Read the first rows before Textual begins: its first picture then has them, and needs no second one."""
        self._ahead = await first_rows(self.session, Order(), rows)

    def take_ahead(self, order: Order) -> Stretch | None:
        """What was read ahead, if it is of this order; once."""
        ahead, self._ahead = self._ahead, None
        return ahead if order == Order() else None

    def look_again(self) -> None:
        """Read what is in sight, now."""
        self._look.set()

    async def quietly(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read something; what is wrong with the store is told by the badge, all else by a message."""
        try:
            await read()
        except QueueError as error:
            self.note_trouble(error)

    def note_trouble(self, error: QueueError) -> None:
        """Something could not be read."""
        if self.session.trouble is None:
            self.tell(str(error), error=True)
        self.show_edges()

    def _second(self) -> None:
        self.pane.second()
        waited, self._waited = self._waited, self.session.waits_since is not None
        if waited or self._waited:  # once more after the last: one that was given up changes nothing in the store
            self.show_status()

    # ---------------------------------------------------------------- panes

    @property
    def pane(self) -> Pane:
        """The pane in sight."""
        return self.panes[self.shown]

    async def open_pane(self, place: Place) -> None:
        """Bring a pane into sight; one that was never shown is made."""
        await self._switching.open(place)

    def bring(self, place: Place) -> None:
        """Show a pane that was made, and give it the keys."""
        self.shown = place
        for other, pane in self.panes.items():
            pane.display = other is place
        self.pane.focus_first()
        self.show_edges()
        self.look_again()

    def action_do(self, name: str) -> None:
        """Do what a key that applies everywhere is bound to."""
        if name in PANE_ACTIONS:
            self._switching.go_to(PANE_ACTIONS[name])
        else:
            perform(self.pane, self, name)

    def action_press(self, name: str) -> None:
        """Do an action whose name was clicked."""
        self.do(self.acting_node(), name)

    def acting_node(self) -> DOMNode:
        """Who does what is asked for by name: the part of the pane that has the keys, else the pane."""
        focused = self.focused
        return focused if focused is not None and self.pane in focused.ancestors_with_self else self.pane

    def do(self, node: DOMNode, name: str) -> None:
        """Do the action of that name as `node` does it."""
        self.action_do(name) if name in PANE_ACTIONS else perform(node, self, name)

    async def on_event(self, event: events.Event) -> None:
        """What a key is bound to is begun before the next key is looked at.

        Textual hands keys on to the widget that has them now, and does what they are bound to later: of `/foo`, typed
        in a burst, the letters would still reach the list, as keys. Where text is typed, its own order is kept.
        """
        if isinstance(event, events.InputEvent) and self.return_code is not None:
            return  # what comes behind the key that leaves would open parts for which there is no screen any more
        if isinstance(event, events.Key) and not event.is_forwarded and not self._types():
            acted = await self._check_bindings(event.key, priority=True) or await self._check_bindings(event.key)
            if acted:
                await asyncio.sleep(0)  # what goes on in the background opens its line or question now, if it has one
                await self.pane.settled()
                return
        await super().on_event(event)

    def _types(self) -> bool:
        """Whether letters go into a text."""
        return self.focused is not None and self.focused.check_consume_key("a", "a")

    # ---------------------------------------------------------------- the edges

    def show_edges(self) -> None:
        """Draw header, tabs, status and footer, as far as they differ."""
        width = self.size.width
        badge = edges.badge(self.session.trouble or self.pane.trouble, read_only=self.session.read_only, demo=self.demo)
        place = edges.short_path(self.session.home.store_name, max(12, width // 3))
        self._lines["header"].show(edges.header(self.vital, place, badge, width))
        self._lines["tabs"].show(edges.tabs(self.shown, self.vital.jobs.get(JobState.DEAD, 0), self.hands, width))
        self.show_status()

    def show_status(self) -> None:
        """Draw the line above the footer, and the footer."""
        going_on = edges.going_on(self.work.progress if self.work else "", self.session.waits_since, self.session.now())
        self._lines["status"].show(
            Content.assemble(
                " ", going_on or edges.why(self.session.trouble or self.pane.trouble) or self.pane.status()
            )
        )
        self._lines["footer"].show(edges.footer(self.pane.keys(), self.size.width))

    @property
    def frame(self) -> Screen[object]:
        """The screen with the panes, under whatever question is on top of it."""
        return self.screen_stack[0]

    def on_resize(self, event: events.Resize) -> None:
        """Where there is no room, one line says so."""
        self._lines["too-small"].show(Content(self._room.fit(event.size)))
        self.call_next(self.show_edges)  # `size` is taken in after this

    # ---------------------------------------------------------------- actions that apply everywhere

    async def do_quit(self) -> None:
        """Leave; jobs go on, and so do pools, but for those that were started here and are not wanted any more."""
        if self.pools_started:
            from queuectl_tui.pools.leaving import may_leave

            if not await may_leave(self):
                return
        self.exit(0)

    def do_theme(self) -> None:
        """The next theme."""
        self.choose_theme(themes.after(self.theme))

    def choose_theme(self, name: str) -> None:
        """This theme, from now on."""
        self.theme = name
        in_background(self, "memory", self.memory.themed, name)

    def do_help(self) -> None:
        """Every key."""
        from queuectl_tui.help.screen import HelpScreen

        self.push_screen(HelpScreen(self.pane.place, read_only=self.session.read_only))

    def do_palette(self) -> None:
        """Find an action or a job by typing."""
        from queuectl_tui.palette.palette import QueuePalette

        self.push_screen(QueuePalette(self.acting_node()))

    def do_command(self) -> None:
        """Type an action by its name, or a job's id."""
        from queuectl_tui.palette.command_line import ask_for_command

        ask_for_command(self, self.acting_node())

    def do_halt(self) -> None:
        """Stop the bulk work that is going on."""
        if self.work:
            self.work.stop()

    async def do_undo(self) -> None:
        """Undo the last change."""
        change = self.undo.pop()
        if change is None:
            self.tell("there is nothing to undo")
            return
        try:
            self.tell(await change.back())
        except QueueError:
            self.undo.add(change)  # for another try
            raise
        self.look_again()

    def do_back(self) -> None:
        """Nothing to leave here."""

    def _fatal_error(self) -> None:
        """A crash: as Textual tells it, but without the values of variables, which may be secrets of jobs."""
        from rich.segment import Segments
        from rich.traceback import Traceback

        traceback = Traceback(show_locals=False, width=None)
        self._exit_renderables.append(Segments(self.console.render(traceback, self.console.options)))
        self._close_messages_no_wait()

    async def on_unmount(self) -> None:
        """Give the store up."""
        await closing.close(self.session, lambda: self.return_value)


__all__ = ["PANES", "QueueConsole"]
