"""What the five panes have in common: where their keys come from, and when they read the store."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, cast

from textual.content import Content
from textual.widget import Widget
from textual.worker import Worker

from queuectl_core.model.errors import QueueError, StoreError
from queuectl_tui.actions import Action, Place, applying, usable
from queuectl_tui.bindings import has_settled, perform
from queuectl_tui.session import Trouble, trouble_of
from queuectl_tui.widgets.arriving import tell_of_arrival

if TYPE_CHECKING:
    from queuectl_tui.app import QueueConsole
    from queuectl_tui.session import Session

MOMENT = 0.1
"""Seconds that a key may wait for what the one before it began."""


class Pane(Widget):
    """One pane. A subclass sets `PLACE` and `BINDINGS = bindings_for(PLACE)`, and has a `do_NAME` for each action.

    Only the pane in sight reads: `refresh_from_store` is called when it comes into sight and when the store has
    changed, one call at a time; `second` once a second, for what changes with the time alone.
    """

    DEFAULT_CSS = """
    Pane { width: 1fr; height: 1fr; layout: vertical; }
    """
    PLACE: ClassVar[Place]
    trouble: Trouble | None = None
    """Why what it shows is old, and since when: where a store is damaged, all else may be read all the same."""

    @property
    def console(self) -> QueueConsole:
        """The app."""
        return cast("QueueConsole", self.app)

    @property
    def session(self) -> Session:
        """The store."""
        return self.console.session

    def arrive(self) -> None:
        """It has been mounted, and is about to be given the focus."""
        tell_of_arrival(self, *self.query("*"))

    async def refresh_from_store(self) -> None:
        """Read what the pane shows, and show it. A StoreError that it raises is told by the badge."""

    def second(self) -> None:
        """A second has passed."""

    def focus_first(self) -> None:
        """Give the keys to the part that the pane is operated by."""
        for widget in self.query("*"):
            if widget.focusable:
                self.screen.set_focus(widget)
                return

    def status(self) -> Content:
        """What the line above the footer says of the pane."""
        return Content("")

    def keys(self) -> list[Action]:
        """The actions that apply now, those that are used most first."""
        return [
            action for action in usable(applying(self.place), read_only=self.session.read_only) if self.allows(action)
        ]

    @property
    def place(self) -> Place:
        """Where the keys apply now: the pane, or a part of it such as the detail."""
        return self.PLACE

    @property
    def settling(self) -> Worker[None] | None:
        """What goes on that the next key builds on; None where nothing does."""
        return None

    async def settled(self) -> None:
        """Wait for that, but no longer than a person would not notice."""
        if self.settling is not None:
            # Not wait_for: what it gives up waiting for it ends.
            await asyncio.wait([asyncio.ensure_future(has_settled(self.settling))], timeout=MOMENT)

    def allows(self, action: Action) -> bool:  # noqa: ARG002  # a pane that has an opinion looks at it
        """Whether the action makes sense as things stand."""
        return True

    def action_do(self, name: str) -> None:
        """Do what a key of this pane is bound to."""
        perform(self, self.console, name)

    async def read_quietly(self) -> None:
        """`refresh_from_store`, where what goes wrong is left to the badge."""
        try:
            await self.refresh_from_store()
        except QueueError as error:
            if isinstance(error, StoreError):
                self.trouble = trouble_of(error, self.trouble, self.session.now())
            self.console.note_trouble(error)
        else:
            if self.has_read:
                self.trouble = None

    @property
    def has_read(self) -> bool:
        """Whether what is shown was read without trouble when `refresh_from_store`, which may put it off, has ended."""
        return True
