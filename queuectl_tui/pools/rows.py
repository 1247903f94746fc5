"""Pools and workers as rows: a line for each pool, its workers under it. Pure: from values to cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from queuectl_core.execution.roster import WorkerState, WorkerView
from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration
from queuectl_core.store.transactions.workers import Orders, Pool
from queuectl_tui.looks.cells import GAP, command_text
from queuectl_tui.pools.reading import Crew
from queuectl_tui.widgets.rows import Cell, Column, Look, Row


class Sign(NamedTuple):
    """How a state is shown: the word, its sign and its colour."""

    sign: str
    word: str
    look: Look

    @property
    def cell(self) -> Cell:
        """Sign and word, coloured."""
        return Cell(f"{self.sign} {self.word}", self.look)


WORKERS: dict[WorkerState, Sign] = {
    WorkerState.IDLE: Sign("·", "idle", Look.QUIET),
    WorkerState.BUSY: Sign("▶", "busy", Look.BUSY),
    WorkerState.DRAINING: Sign("↓", "draining", Look.WARN),
    WorkerState.STOPPED: Sign("=", "stopped", Look.WARN),
    WorkerState.LOST: Sign("✗", "lost", Look.BAD),
}

POOLS: dict[Orders, Sign] = {
    Orders.RUN: Sign("●", "running", Look.GOOD),
    Orders.DRAIN: Sign("↓", "draining", Look.WARN),
    Orders.STOP: Sign("■", "stopping", Look.WARN),
}
LOST_POOL = Sign("✗", "lost", Look.BAD)

_COLUMNS = (
    (Column("WORKER", 13), 0),
    (Column("STATE", 10), 0),
    (Column("FOR", 6, right=True), 0),
    (Column("PULSE", 7), 1),
    (Column("PID", 8, right=True), 2),
    (Column("HOST", 16), 4),
    (Column("QUEUES", 20), 3),
    (Column("JOB", 10), 0),
    (Column("COMMAND", 0), 0),
)
"""Each column and its place in the order in which they go, the highest first, where there is no room; 0 never goes."""

_NARROWEST_COMMAND = 20


def columns_for(width: int) -> list[Column]:
    """The columns that a width in cells has room for."""
    kept = list(_COLUMNS)
    while _taken(kept) + _NARROWEST_COMMAND > width and any(drop for _, drop in kept):
        kept.remove(max(kept, key=lambda column: column[1]))
    return [column for column, _ in kept]


def _taken(columns: Sequence[tuple[Column, int]]) -> int:
    return sum(column.width + GAP for column, _ in columns) - GAP


def rows_of(crew: Crew, now: int) -> list[Row]:
    """A row for each pool, the oldest first, with its workers under it; workers without a pool come last. `now` in ms.

    A pool's key is its id, a worker's its name, which begins with the pool's id and a hyphen.
    """
    rows, views = [], sorted(crew.views, key=lambda view: _number(view.id))
    for pool in crew.known.pools:
        rows.append(_pool_row(pool, crew, now))
        rows += [_worker_row(view, crew, now) for view in views if view.pool == pool.id]
    registered = {pool.id for pool in crew.known.pools}
    rows += [_worker_row(view, crew, now) for view in views if view.pool not in registered]
    return rows


def _number(worker: str) -> int:
    """Which worker of its pool it is: of two that started at once, the tenth follows the second."""
    number = worker.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def pool_of(row: Row) -> str:
    """The id of the pool that a row is, or belongs to."""
    return row.key.partition("-")[0]


def _pool_row(pool: Pool, crew: Crew, now: int) -> Row:
    alive = pool.id in crew.signs.living
    members = crew.members(pool.id)
    return Row(
        pool.id,
        {
            "WORKER": Cell(f"pool {pool.id}", Look.STRONG),
            "STATE": (POOLS[pool.orders] if alive else LOST_POOL).cell,
            "FOR": Cell(_length(pool.started_at, now), Look.MUTED),
            "PULSE": _pulse(alive),
            "PID": Cell(str(pool.pid), Look.MUTED),
            "HOST": Cell(clean(pool.host), Look.MUTED),
            "QUEUES": Cell(_queues(members[0].queues) if members else "", Look.MUTED),
            "JOB": Cell(f"{crew.running(pool.id)} running"),
            "COMMAND": Cell(_strength(pool, members), Look.MUTED),
        },
    )


def _strength(pool: Pool, members: Sequence[WorkerView]) -> str:
    """How many workers there are, and how many there should be where that differs."""
    here = sum(view.state is not WorkerState.LOST for view in members)
    text = f"{here} worker{'' if here == 1 else 's'}"
    return text if here == pool.wanted and pool.orders is Orders.RUN else f"{text}, {_wanted(pool)}"


def _wanted(pool: Pool) -> str:
    return f"{pool.wanted} wanted" if pool.orders is Orders.RUN else "leaving"


def _worker_row(view: WorkerView, crew: Crew, now: int) -> Row:
    return Row(
        view.id,
        {
            "WORKER": Cell(f"  {view.id}"),
            "STATE": WORKERS[view.state].cell,
            "FOR": Cell(_length(view.since, now), Look.MUTED),
            "PULSE": _pulse(view.id in crew.signs.living),
            "PID": Cell(str(view.pid), Look.MUTED),
            "HOST": Cell(clean(view.host), Look.MUTED),
            "QUEUES": Cell(_queues(view.queues), Look.MUTED),
            "JOB": Cell(clean(view.job or ""), Look.STRONG),
            "COMMAND": Cell("" if view.command is None else command_text(view.command)),
        },
    )


def _pulse(alive: bool) -> Cell:
    return Cell("● alive", Look.GOOD) if alive else Cell("○ none", Look.BAD)


def _length(since: int, now: int) -> str:
    return format_duration(max(0, now - since) // 1000)


def _queues(queues: Sequence[str]) -> str:
    return clean(", ".join(queues)) if queues else "all"


def foot_of(row: Row, crew: Crew) -> Content:
    """All there is to say of a pool or worker, on two lines: columns that had no room are told here."""
    cells = row.cells
    pulse = "alive: it holds its lock" if cells["PULSE"].look is Look.GOOD else "no pulse: nobody holds its lock"
    first = f"{cells['WORKER'].text.strip()} · pid {cells['PID'].text} on {cells['HOST'].text} · {pulse}"
    serves = "serves all queues" if cells["QUEUES"].text == "all" else f"serves {cells['QUEUES'].text or 'nothing yet'}"
    pool = crew.pool(row.key)
    if pool is not None:
        second = f"{serves} · {cells['COMMAND'].text} · {cells['JOB'].text}"
    else:
        job = f"job {cells['JOB'].text}: {cells['COMMAND'].text}" if cells["JOB"].text else "runs nothing"
        second = f"{serves} · {job}"
    return Content.assemble(first, "\n", second)


def summary(crew: Crew) -> str:
    """How many pools and workers there are, and what the workers do."""
    views = crew.views
    pools = len(crew.known.pools)
    parts = [f"{pools} pool{'' if pools == 1 else 's'}", f"{len(views)} worker{'' if len(views) == 1 else 's'}"]
    for state in WorkerState:
        n = sum(view.state is state for view in views)
        if n:
            parts.append(f"{n} {state.value}")
    return " · ".join(parts)
