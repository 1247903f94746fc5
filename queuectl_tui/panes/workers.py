"""The pane of pools and workers: who runs what and for how long; starting, scaling, draining and stopping pools."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.content import Content

from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.workers import Orders, scale_by
from queuectl_tui.actions import Action, Place
from queuectl_tui.background import latest_in_background
from queuectl_tui.bindings import bindings_for
from queuectl_tui.filtering.going import show_job
from queuectl_tui.panes.table_pane import TablePane
from queuectl_tui.pools.reading import Crew, look_again, read_crew
from queuectl_tui.pools.rows import columns_for, foot_of, pool_of, rows_of, summary
from queuectl_tui.pools.starting import parse_wanted, start_pool, usual_text
from queuectl_tui.pools.stopping import ask_of, parse_patience, require_living, stop_after, usual_patience
from queuectl_tui.widgets.prompt import Prompt
from queuectl_tui.widgets.question import Question
from queuectl_tui.widgets.rows import Column, RowTable

Doing = Coroutine[None, None, None]

NEED_A_POOL = frozenset({"scale_up", "scale_down", "drain", "stop", "stop_now"})


class WorkersPane(TablePane):
    """Every pool with its workers. Actions are for the pool under the cursor, or that of the worker there."""

    PLACE = Place.WORKERS
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.WORKERS)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.crew = Crew()
        self._reads = 0
        self._usual = usual_text(None)

    # ---------------------------------------------------------------- what is shown

    def columns(self, width: int) -> Sequence[Column]:
        """The columns that a width in cells has room for."""
        return columns_for(width)

    def foot(self) -> Content:
        """The row under the cursor in full."""
        return foot_of(self.table.row, self.crew) if self.table.row else Content("")

    def nothing(self) -> Content:
        """How to start a pool."""
        if self.session.read_only:
            return Content("No pool runs, so jobs wait.\nStart one with: queuectl worker start")
        return Content.assemble(
            "No pool runs, so jobs wait.\n", ("a", "bold $accent"), " starts one that goes on when you leave."
        )

    def status(self) -> Content:
        """How many there are, and what they do."""
        return Content(summary(self.crew))

    def allows(self, action: Action) -> bool:
        """Most actions are for a pool, where there is one."""
        if action.name == "worker_job":
            return self.job is not None
        return action.name not in NEED_A_POOL or self.table.row is not None

    async def refresh_from_store(self) -> None:
        """Read the roster, and ask the kernel about everybody on it."""
        self._reads += 1
        mine = self._reads
        crew = await read_crew(self.session)
        # Kept at hand: what is typed right behind the key that asks is for the question.
        self._usual = usual_text((await self.session.read(settings())).values.workers)
        if mine == self._reads:
            self._show(crew)

    def second(self) -> None:
        """Lengths of time have grown; and who was killed or stopped has told no store."""
        latest_in_background(self, "signs", self._look)

    async def _look(self) -> None:
        before = self.crew
        crew = await look_again(self.session.home, before)
        if self.crew is before:  # else more is known meanwhile, and no change may follow that would bring it back
            self._show(crew)

    def _show(self, crew: Crew) -> None:
        self.crew = crew
        self.show_rows(rows_of(crew, self.session.now()))

    # ---------------------------------------------------------------- actions

    @property
    def pool(self) -> str | None:
        """The id of the pool that is meant."""
        return pool_of(self.table.row) if self.table.row else None

    @property
    def job(self) -> str | None:
        """The id of the job that the worker under the cursor runs."""
        key = self.table.row.key if self.table.row else ""
        return next((view.job for view in self.crew.views if view.id == key), None)

    def do_worker_job(self) -> Doing | None:
        """Bring the job of this worker into sight."""
        return self._show_job(self.job) if self.job else None

    @on(RowTable.Opened)
    def _opened(self) -> None:
        self.action_do("worker_job")

    async def _show_job(self, job: str) -> None:
        await show_job(self.console, job)
        self.console.pane.action_do("detail")

    async def do_start_pool(self) -> None:
        """Start a pool that outlives the console."""
        typed = await self.app.push_screen_wait(
            Prompt("Start a pool: workers, then queues if not all:", self._usual, check=parse_wanted)
        )
        if typed is None:
            return
        wanted = parse_wanted(typed)
        pool = await start_pool(self.session.home, wanted)
        self.console.pools_started.add(pool)
        self.console.tell(f"pool {pool} has started, workers: {wanted.workers}")
        self.console.look_again()

    def do_scale_up(self) -> Doing | None:
        """One more worker."""
        return self._scale(self.pool, 1) if self.pool else None

    def do_scale_down(self) -> Doing | None:
        """One worker fewer."""
        return self._scale(self.pool, -1) if self.pool else None

    async def _scale(self, pool: str, change: int) -> None:
        """By a difference, not to a number: what is on the screen may be older than the last press."""
        await require_living(self.session, pool)
        await self.session.write(scale_by(pool, change))
        self.console.look_again()

    def do_drain(self) -> Doing | None:
        """Let the pool finish what it runs, and leave."""
        return self._drain(self.pool) if self.pool else None

    async def _drain(self, pool: str) -> None:
        await ask_of(self.session, pool, Orders.DRAIN)
        self.console.tell(f"pool {pool} finishes what it runs, and leaves")
        self.console.look_again()

    def do_stop(self) -> Doing | None:
        """Drain the pool for a while, then end what still runs."""
        return self._stop(self.pool) if self.pool else None

    async def _stop(self, pool: str) -> None:
        await require_living(self.session, pool)
        if not await self.app.push_screen_wait(Question(f"Stop pool {pool}? {await self._runs(pool)}.")):
            return
        usual = await usual_patience(self.session)
        typed = await self.app.push_screen_wait(
            Prompt("How long may what runs take before it is ended and released?", usual, check=parse_patience)
        )
        if typed is None:
            return
        patience = parse_patience(typed)
        await stop_after(self.session, pool, patience)
        self.console.tell(f"pool {pool} leaves; what runs longer than {patience} is ended and released")
        self.console.look_again()

    def do_stop_now(self) -> Doing | None:
        """End and release what the pool runs."""
        return self._stop_now(self.pool) if self.pool else None

    async def _stop_now(self, pool: str) -> None:
        await require_living(self.session, pool)
        question = f"Stop pool {pool} now? {await self._runs(pool)}; what runs is ended and released."
        if not await self.app.push_screen_wait(Question(question)):
            return
        await ask_of(self.session, pool, Orders.STOP)
        self.console.tell(f"pool {pool} ends and releases what it runs, and leaves")
        self.console.look_again()

    async def _runs(self, pool: str) -> str:
        """How many jobs a pool runs now, as a question names it."""
        n = (await read_crew(self.session)).running(pool)
        return f"It runs {n:,} job{'' if n == 1 else 's'}" if n else "It runs no job"
