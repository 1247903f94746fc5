"""Somebody in a place of the console, about to press a key: how they got there, and what they see of its effect."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.screen import Screen
from textual.widgets import Input

from queuectl_core.execution.liveness import Hold
from queuectl_core.execution.logs import make_log
from queuectl_core.model.job import Job, JobState, Outcome
from queuectl_core.store.transactions.jobs import page
from queuectl_core.store.transactions.workers import register_pool, register_worker
from queuectl_tui.actions import PANE_ACTIONS, Action, Place
from queuectl_tui.app import QueueConsole
from queuectl_tui.detail.job_detail import JobDetail
from queuectl_tui.metrics.pane import MetricsPane
from queuectl_tui.panes.browser import Browser
from queuectl_tui.panes.dlq import DlqPane
from queuectl_tui.panes.table_pane import TablePane
from queuectl_tui.widgets.prompt import Prompt
from queuectl_tui.widgets.question import Question
from tests.console.consoles import Seat, seat
from tests.store import acts
from tests.store.acts import Run
from tests.store.engines import BlockingSqlite

SIZE = (100, 20)
LOW = (100, 15)
"""So low that the settings do not fit on a page."""

PANE_OF = {**{place: place for place in PANE_ACTIONS.values()}, Place.DETAIL: Place.JOBS}
"""The pane in which each place with keys is."""

_KEYS = dict(zip(PANE_ACTIONS.values(), "12345", strict=True))


class At:
    """A console with a place in sight, and `key`, the one that is looked at: `tap` presses it."""

    def __init__(self, here: Seat, place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.here, self.place, self.folder, self.monkeypatch = here, place, folder, monkeypatch
        self.key = ""
        self.taps = 0
        self._names = (f"job-{n}" for n in itertools.count(1))
        self._holds: list[Hold] = []

    # ---------------------------------------------------------------- doing

    async def tap(self) -> None:
        """Press the key."""
        self.taps += 1
        await self.here.press(self.key)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for something, with a bound."""
        await self.here.until(condition, what)

    async def arrive(self) -> None:
        """Come to the place, unless one is there."""
        wanted = PANE_OF[self.place]
        if self.app.shown is not wanted:
            await self.here.press(_KEYS[wanted])
        await self.until(lambda: self.app.shown is wanted and self.app.focused is not None, f"{wanted} is in sight")
        await self.until(self._has_read, f"{wanted} has read the store")
        if self.place is Place.DETAIL and not self.browser.in_detail:
            await self._open_detail()

    def _has_read(self) -> bool:
        match self.app.pane:
            case Browser() as pane:
                return pane.order.by_death or bool(pane.rows)
            case TablePane() as pane:
                return bool(pane._said)
            case pane:
                return isinstance(pane, MetricsPane) and pane._drawn is not None

    async def _open_detail(self) -> None:
        job = self.browser.job
        assert job is not None
        await self.here.press("enter")
        await self.until(lambda: self._detail_is_of(job), f"the detail shows {job.id}")

    def _detail_is_of(self, job: Job) -> bool:
        detail = self.browser.detail
        dossier = detail._dossier if detail is not None else None
        return dossier is not None and dossier.job.number == job.number

    # ---------------------------------------------------------------- jobs

    async def job(self, state: JobState = JobState.PENDING, *, output: str = "", **fields: Any) -> Job:
        """A new job in this state, which the cursor is on, and which the detail shows where that is the place."""
        name = next(self._names)
        if self.place is Place.DETAIL and self.browser.in_detail:
            await self.here.press("escape")
        made = self._made(state, output, {"id": name, "queue": name, **fields})
        self.app.look_again()
        await self.until(lambda: self.browser.table.job == made, f"the cursor is on {name}")
        if self.place is Place.DETAIL:
            await self._open_detail()
        return made

    def _made(self, state: JobState, output: str, fields: dict[str, Any]) -> Job:
        store = self.here.store
        if state is JobState.PENDING:
            return acts.put(store, **fields)
        job = acts.put(store, **{"max_retries": 0 if state is JobState.DEAD else 3, **fields})
        run = acts.started(store, job.queue)
        self.write(run, output)
        if state is JobState.PROCESSING:
            return run.job
        ended = Outcome.COMPLETED if state is JobState.COMPLETED else Outcome.FAILED
        return acts.ended(store, run, ended)

    def write(self, run: Run, output: str) -> None:
        """Make the log of a run, with this in it."""
        log = make_log(self.app.session.home, run.job.number, run.job.runs)
        with open(log, "wb") as file:
            file.write(output.encode())

    def now(self, job: Job) -> Job:
        """The job as the store has it now."""
        return acts.look(self.here.store, job)

    def ids(self) -> list[str]:
        """The ids of all jobs in the store."""
        return [job.id for job in self.here.store.run(page(limit=1000))]

    def commands(self) -> list[object]:
        """The commands of all jobs in the store."""
        return [job.command for job in self.here.store.run(page(limit=1000))]

    async def becomes(self, job: Job, state: JobState) -> None:
        """Wait until the job is in a state."""
        await self.until(lambda: self.now(job).state is state, f"{job.id} is {state}")

    # ---------------------------------------------------------------- pools

    async def pool(self, name: str) -> str:
        """A pool that holds its lock, as if it lived, with a worker; the cursor is on it."""
        register(self.here.store, name, 1)
        self._holds.append(Hold(self.app.session.home, name))
        self.app.look_again()
        await self.until(lambda: self.table.table.rows, "it is listed")
        return name

    def leave(self) -> None:
        """Let the locks go."""
        for hold in self._holds:
            hold.close()

    # ---------------------------------------------------------------- what is in sight

    @property
    def app(self) -> QueueConsole:
        """The console."""
        return self.here.app

    @property
    def browser(self) -> Browser:
        """The pane in sight, one of jobs."""
        assert isinstance(self.app.pane, Browser)
        return self.app.pane

    @property
    def dlq(self) -> DlqPane:
        """The DLQ."""
        assert isinstance(self.app.pane, DlqPane)
        return self.app.pane

    @property
    def table(self) -> TablePane:
        """The pane in sight, one of workers or settings."""
        assert isinstance(self.app.pane, TablePane)
        return self.app.pane

    @property
    def metrics(self) -> MetricsPane:
        """The metrics."""
        assert isinstance(self.app.pane, MetricsPane)
        return self.app.pane

    @property
    def detail(self) -> JobDetail:
        """The detail, which is open."""
        assert self.browser.detail is not None
        return self.browser.detail

    # ---------------------------------------------------------------- what is asked

    async def opens(self, kind: type[Screen[Any]]) -> None:
        """Wait for a screen on top of the panes that takes keys."""
        await self.until(
            lambda: isinstance(self.app.screen, kind) and self.app.screen.is_mounted, f"a {kind.__name__} is there"
        )

    async def leaves(self) -> None:
        """Press esc, and wait until the panes are on top again."""
        await self.until(lambda: self.app.screen.focused is not None, "it takes keys")
        await self.here.press("escape")
        await self.until(lambda: len(self.app.screen_stack) == 1, "it is gone")

    async def answers(self, text: str) -> None:
        """Put a text into the prompt that comes, and submit it."""
        await self.opens(Prompt)
        await self.until(lambda: isinstance(self.app.focused, Input), "the prompt takes keys")
        self.app.screen.query_one(Input).value = text
        await self.here.press("enter")

    async def agrees(self, *words: str) -> None:
        """Answer the question that comes, which has these words, with yes."""
        await self.opens(Question)
        question = await self.here.asked()
        assert all(word in question for word in words), question
        await self.here.press("y")


Row = Callable[[At], Awaitable[None]]
"""What is prepared for one key of an action, the tap, and what is expected of it."""


def register(store: BlockingSqlite, pool: str, workers: int) -> None:
    """Put a pool with workers on the roster that are names without processes."""
    store.run(register_pool(pool, "here", 1, workers))
    for n in range(1, workers + 1):
        store.run(register_worker(f"{pool}-{n}", pool, "here", 1, (), 0))


@asynccontextmanager
async def at(
    place: Place,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    fill: Callable[[BlockingSqlite], object],
    size: tuple[int, int] = SIZE,
) -> AsyncIterator[At]:
    """Somebody at that place of a console on a store that `fill` has filled."""
    async with seat(folder / "home", size=size, fill=fill) as here:
        there = At(here, place, folder, monkeypatch)
        try:
            await there.arrive()
            yield there
        finally:
            there.leave()


async def walk(there: At, action: Action, row: Row) -> None:
    """Go through every key of an action; each is pressed. What fails says of which key."""
    for key in action.keys:
        there.key, there.taps = key, 0
        try:
            await row(there)
            assert there.taps, "the key was never pressed"
        except BaseException as failed:
            failed.add_note(f"the key was {key!r}, of {action.name}, in {there.place}")
            raise
