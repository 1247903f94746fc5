"""From one pane to another, in the order in which they are asked for; which one is in sight is known by the app."""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

from queuectl_tui.actions import Place
from queuectl_tui.background import in_background

if TYPE_CHECKING:
    from queuectl_tui.app import QueueConsole
    from queuectl_tui.pane import Pane

_LATER: dict[Place, tuple[str, str]] = {
    Place.DLQ: ("queuectl_tui.panes.dlq", "DlqPane"),
    Place.WORKERS: ("queuectl_tui.panes.workers", "WorkersPane"),
    Place.CONFIG: ("queuectl_tui.panes.config", "ConfigPane"),
    Place.METRICS: ("queuectl_tui.metrics.pane", "MetricsPane"),
}
"""Panes that are imported when they are first shown: a console starts with the jobs."""


class Switching:
    """Brings panes of a console into sight, and makes those that were never shown. Of several that are asked for while
    one is made, the last is shown."""

    def __init__(self, console: QueueConsole) -> None:
        self._console = console
        self._asked_for = Place.JOBS
        self._making = asyncio.Lock()

    async def open(self, place: Place) -> None:
        """Bring a pane into sight."""
        self._asked_for = place
        await self._open(place)

    def go_to(self, place: Place) -> None:
        """As `open`, but in the background; at once where the pane was made, so that the next key is for it."""
        console = self._console
        self._asked_for = place
        if place in console.panes:
            console.bring(place)
            in_background(console, "choices", console.memory.opened, place)
        else:
            console.frame.set_focus(None)  # until it is there, keys must not reach the pane that was in sight
            in_background(console, "panes", self._open, place)

    async def _open(self, place: Place) -> None:
        console = self._console
        async with self._making:
            if place not in console.panes and not self._leaves:
                console.panes[place] = await self._made(place)
        if self._asked_for is place and not self._leaves:
            console.bring(place)
            await console.memory.opened(place)

    @property
    def _leaves(self) -> bool:
        """Whether the console leaves: no pane can be made or shown from then on."""
        return self._console.return_code is not None

    async def _made(self, place: Place) -> Pane:
        module, name = _LATER[place]
        made: Pane = getattr(importlib.import_module(module), name)(id=place.value.lower())
        made.display = False
        await self._console.frame.query_one("#panes").mount(made)
        made.arrive()
        return made
