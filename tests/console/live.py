"""A console on a queue with real pools, and what tests of the panes Workers and Config ask of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, Static

from queuectl_core.execution.locks import alive
from queuectl_core.model.errors import QueueError
from queuectl_core.store.transactions.workers import Orders, order, register_pool, register_worker, roster
from queuectl_tui.actions import Place
from queuectl_tui.app import QueueConsole
from queuectl_tui.panes.table_pane import TablePane
from queuectl_tui.session import Session
from queuectl_tui.widgets.prompt import Prompt
from tests.console.until import until
from tests.execution.pools import LiveQueue
from tests.execution.waiting import eventually


class Live(NamedTuple):
    """Somebody at a console: presses keys, and sees in `queue` what came of it."""

    pilot: Pilot[Any]
    app: QueueConsole
    queue: LiveQueue

    @property
    def pane(self) -> TablePane:
        """The pane in sight."""
        assert isinstance(self.app.pane, TablePane)
        return self.app.pane

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        await self.pilot.press(*keys)

    def press_at_once(self, *keys: str) -> None:
        """Press keys so fast that none has had its effect when the next comes."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else None))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something, with a bound."""
        await until(self.pilot, condition, what=what, seconds=30)

    def cells(self, column: str) -> list[str]:
        """What a column shows, from the top, without blanks around it."""
        return [row.cells[column].text.strip() for row in self.pane.table.rows]

    def offered(self) -> set[str]:
        """The names of the actions that the footer and help offer now."""
        actions = self.pane.keys()
        return {action.name for action in actions}

    def seen(self) -> str:
        """The text on the screen."""
        return "\n".join(
            "".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()
        )

    def said(self) -> str:
        """Every message so far that is in sight."""
        return " | ".join(notification.message for notification in self.app._notifications)

    async def told(self, text: str) -> None:
        """Wait for a message."""
        await self.until(lambda: text in self.said(), f"it tells: {text}")

    async def shows_pool(self, workers: int = 1) -> None:
        """Wait until one pool is listed, running, with so many workers."""

        def there() -> bool:
            states = self.cells("STATE")
            return len(states) == workers + 1 and states[0] == "● running"

        await self.until(there, f"a pool with {workers} workers is shown")

    async def asked(self, kind: type[Any]) -> Any:
        """Wait for a question or a prompt."""
        await self.until(lambda: isinstance(self.app.screen, kind) and self.app.screen.is_mounted, f"a {kind.__name__}")
        return self.app.screen

    async def answer(self, text: str) -> None:
        """Type a text into a prompt, in place of what it offers, and submit it."""
        await self.asked(Prompt)
        await self.until(lambda: isinstance(self.app.focused, Input), "the prompt takes keys")
        await self.press("ctrl+u", *({" ": "space", ".": "full_stop"}.get(letter, letter) for letter in text), "enter")

    def complaint(self) -> str:
        """What a prompt has against its text."""
        return str(self.app.screen.query_one(".wrong", Static).content)


@contextlib.asynccontextmanager
async def live(
    queue: LiveQueue,
    place: Place,
    *,
    size: tuple[int, int] = (100, 30),
    read_only: bool = False,
    clock: Callable[[], int] | None = None,
) -> AsyncIterator[Live]:
    """A console with this pane in sight."""
    session = Session(queue.home, read_only=read_only, clock=clock)
    await session.open()
    app = QueueConsole(session)
    async with app.run_test(size=size) as pilot:
        # Keys that come while it starts reach no pane yet.
        await until(pilot, lambda: Place.JOBS in app.panes, what="the console is there")
        await pilot.press({Place.WORKERS: "3", Place.CONFIG: "4"}[place])
        await until(pilot, lambda: app.shown is place and app.focused is not None, what="the pane is in sight")
        await until(pilot, lambda: isinstance(app.pane, TablePane) and app.pane._said, what="it has read the store")
        yield Live(pilot, app, queue)


@contextlib.contextmanager
def live_queue(folder: Path) -> Iterator[LiveQueue]:
    """A queue whose pools, those that a console started included, are gone when it ends."""
    queue = LiveQueue(folder)
    try:
        yield queue
    finally:
        with contextlib.suppress(QueueError):
            queue.run(order([pool.id for pool in queue.run(roster()).pools], Orders.STOP))
        eventually(lambda: not alive(queue.home), what="every pool has left")
        queue.leave()


def on_roster(queue: LiveQueue, pool: str, *workers: str) -> None:
    """Put a pool and workers on the roster that are names without processes."""
    queue.run(register_pool(pool, "h\x1b[31mst", 1, max(1, len(workers))))
    for worker in workers:
        queue.run(register_worker(worker, pool, "here", os.getpid(), ("mail",), 0))
