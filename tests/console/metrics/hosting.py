"""A small app that has nothing but the metrics pane, on a real store whose clock a test sets."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import TypeVar

from textual.app import App, ComposeResult

from queuectl_core.model.errors import QueueError
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.async_store import AsyncSqliteStore
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.statistics import Bucket, Minute
from queuectl_tui.metrics.pane import MetricsPane
from tests.store.engines import Clock

T = TypeVar("T")


class StoreSession:
    """What the pane asks of a session, and which reads that came to."""

    read_only = False

    def __init__(self, home: Home, clock: Clock) -> None:
        self.home = home
        self.now = clock
        self.reads: list[str] = []
        self.rows_read = 0
        self.store: AsyncSqliteStore | None = None

    async def read(self, transaction: Transaction[T]) -> T:
        """Run it on the store, which is opened when it is first needed."""
        self.store = self.store or await AsyncSqliteStore.open(self.home, clock=self.now)
        answer = await self.store.run(transaction)
        self.reads.append(transaction.function.__name__)
        self.rows_read += len(answer) if isinstance(answer, list) else 0
        return answer


class MetricsHost(App[object]):
    """The pane alone; what it could not read is in `troubles`."""

    def __init__(self, home: Home, clock: Clock) -> None:
        super().__init__()
        self.session = StoreSession(home, clock)
        self.troubles: list[QueueError] = []
        self.status = ""
        self.pane = MetricsPane()

    def compose(self) -> ComposeResult:
        """The pane."""
        yield self.pane

    async def on_mount(self) -> None:
        """Begin as the console does."""
        self.pane.focus_first()
        await self.pane.read_quietly()

    async def on_unmount(self) -> None:
        """Leave no thread behind."""
        if self.session.store is not None:
            await self.session.store.close()

    def note_trouble(self, error: QueueError) -> None:
        """As the console."""
        self.troubles.append(error)

    def show_edges(self) -> None:
        """As the console."""
        self.status = self.pane.status().plain

    def tell(self, text: str, *, error: bool = False) -> None:
        """As the console."""

    def shown(self) -> str:
        """The text on the screen."""
        return "\n".join(
            "".join(segment.text for segment in strip) for strip in self.screen._compositor.render_strips()
        )


def roll_up(home: Home, minutes: Iterable[Minute] = (), buckets: Iterable[Bucket] = ()) -> None:
    """Write roll-ups as they are, however long ago."""
    connection = sqlite3.connect(home.database)
    try:
        with connection:
            for row in minutes:
                columns, marks = ", ".join(row._fields), ", ".join("?" * len(row))
                connection.execute(f"INSERT INTO tallies ({columns}, measure) VALUES ({marks}, '')", row)
            connection.executemany(
                "INSERT INTO tallies (minute, queue, measure, bucket, n) VALUES (?, ?, ?, ?, ?)", buckets
            )
    finally:
        connection.close()
