"""A console on a store of its own, for tests: the store beside it, fixed clock, no terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from textual.pilot import Pilot

from queuectl_core.model.job import Job, JobState
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.jobs import find
from queuectl_tui.app import QueueConsole
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.listing.table import JobTable
from queuectl_tui.remembered import Memory
from queuectl_tui.session import Session
from tests.console.until import until
from tests.store.engines import BlockingSqlite, Clock


class Seat(NamedTuple):
    """Somebody at a console: `press` keys, look at `app`, and see in `store` what came of it."""

    pilot: Pilot[Any]
    app: QueueConsole
    store: BlockingSqlite
    clock: Clock

    async def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type a text, letter by letter."""
        for letter in text:
            await self.pilot.press({" ": "space"}.get(letter, letter))

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something, with a bound."""
        await until(self.pilot, condition, what=what)

    @property
    def listed(self) -> JobList:
        """The list of jobs in sight."""
        pane = self.app.pane
        assert isinstance(pane, JobList)
        return pane

    @property
    def table(self) -> JobTable:
        """Its table."""
        return self.listed.table

    def ids(self) -> list[str]:
        """The ids of the rows that are held, from the top."""
        return [job.id for job in self.table.stretch.jobs]

    def state(self, job: Job) -> JobState:
        """The state of a job in the store."""
        return self.store.run(find([job.id]))[0].state

    async def shows(self, *ids: str) -> None:
        """Wait until the list shows these jobs, in this order."""
        await self.until(lambda: self.ids() == [*ids], f"the list shows {', '.join(ids) or 'nothing'}")

    def line(self, name: str) -> str:
        """The text of one of the lines at the edges: header, tabs, status, footer."""
        from queuectl_tui.widgets.line import Line

        return self.app.screen_stack[0].query_one(f"#{name}", Line).content.plain

    def told(self) -> list[str]:
        """Every message that is in sight, the latest last."""
        return [notification.message for notification in self.app._notifications]

    async def told_of(self, *words: str) -> None:
        """Wait for a message that contains all of these."""
        await self.until(
            lambda: any(all(word in told for word in words) for told in self.told()), f"{words} told, not {self.told()}"
        )

    async def asked(self) -> str:
        """Wait for a question; its text."""
        from queuectl_tui.widgets.question import Question

        await self.until(lambda: isinstance(self.app.screen, Question), "it asks")
        assert isinstance(self.app.screen, Question)
        return self.app.screen.text


@asynccontextmanager
async def seat(
    folder: Path,
    *,
    size: tuple[int, int] = (100, 30),
    read_only: bool = False,
    memory: Path | None = None,
    fill: Callable[[BlockingSqlite], object] | None = None,
) -> AsyncIterator[Seat]:
    """A console on a store in `folder`, which `fill` has filled; both go by one clock that stands still."""
    clock = Clock()
    home = Home(str(folder))
    with SqliteStore(home, clock=clock) as blocking:
        store = BlockingSqlite(blocking, clock)
        if fill is not None:
            fill(store)
        session = Session(home, read_only=read_only, clock=clock)
        await session.open()
        app = QueueConsole(session, memory=Memory(str(memory) if memory else None))
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: app.panes and app.vital.jobs, what="the console has read the store")
            yield Seat(pilot, app, store, clock)
