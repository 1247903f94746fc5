"""The columns of the list of jobs: what each shows of a job, and which of them a width has room for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.cleaning import clean
from queuectl_core.model.job import Job
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.looks.cells import GAP, age, command_text, ending
from queuectl_tui.looks.states import STATES


class Tone(StrEnum):
    """How the text of a cell is coloured."""

    PLAIN = "plain"
    MUTED = "muted"
    STATE = "state"
    STRONG = "strong"


class Column(NamedTuple):
    """A column. The one with the highest `drop` goes first where the terminal is narrow; 0 never goes.

    `width` is in cells; 0 takes what is left.
    """

    title: str
    sort: SortColumn
    width: int
    drop: int
    cell: Callable[[Job, int], str]
    right: bool = False
    tone: Tone = Tone.PLAIN
    roomy: int = 0
    """Its width where there is room for it; 0: the same."""


def _state(job: Job, _now: int) -> str:
    word = "cancelling" if job.cancelling else job.state.value
    return f"{STATES[job.state].sign} {word}"


_ID = Column("ID", SortColumn.ID, 10, 0, lambda job, _: clean(job.id), tone=Tone.STRONG, roomy=16)
_STATE = Column("STATE", SortColumn.STATE, 12, 0, _state, tone=Tone.STATE)
_QUEUE = Column("QUEUE", SortColumn.QUEUE, 10, 3, lambda job, _: clean(job.queue), roomy=14)
_TRY = Column("TRY", SortColumn.TRIES, 5, 4, lambda job, _: f"{job.attempts}/{job.max_retries + 1}", right=True)
_PRIORITY = Column(
    "PRI", SortColumn.PRIORITY, 4, 7, lambda job, _: str(job.priority) if job.priority else "", right=True
)
_AGE = Column("AGE", SortColumn.AGE, 5, 2, lambda job, now: age(job.created_at, now), right=True, tone=Tone.MUTED)
_DUE = Column("DUE", SortColumn.DUE, 6, 6, lambda job, now: age(job.next_run_at, now), right=True, tone=Tone.MUTED)
_ENDED = Column(
    "ENDED", SortColumn.ENDED, 6, 5, lambda job, now: age(job.finished_at, now), right=True, tone=Tone.MUTED
)
_DIED = Column("DIED", SortColumn.ENDED, 6, 2, lambda job, now: age(job.finished_at, now), right=True, tone=Tone.MUTED)
_CAUSE = Column("CAUSE", SortColumn.EXIT, 18, 3, lambda job, _: ending(job))
_LAST = Column("LAST", SortColumn.EXIT, 14, 8, lambda job, _: ending(job), tone=Tone.MUTED)
_COMMAND = Column("COMMAND", SortColumn.COMMAND, 0, 0, lambda job, _: command_text(job.command))

JOBS = (_ID, _STATE, _QUEUE, _TRY, _PRIORITY, _AGE, _DUE, _ENDED, _LAST, _COMMAND)
DEAD = (_ID, _QUEUE, _TRY, _DIED, _CAUSE, _COMMAND)

NARROWEST_REST, SHARE_OF_REST = 24, 0.3
"""What the column that takes the rest should keep before others go: cells, and share of the width."""

ROOMY_REST = 48
"""What it must keep before others become wider."""


class Fitted(NamedTuple):
    """A column, where it begins and how many cells it has."""

    column: Column
    start: int
    width: int


def fit(columns: Sequence[Column], width: int) -> list[Fitted]:
    """The columns that a width in cells has room for; the last takes what is left."""
    kept = list(columns)
    needed = max(NARROWEST_REST, round(width * SHARE_OF_REST))
    while _taken(kept) + needed > width and any(column.drop for column in kept):
        kept.remove(max(kept, key=lambda column: column.drop))
    wide = [column._replace(width=column.roomy or column.width) for column in kept]
    if _taken(wide) + ROOMY_REST <= width:
        kept = wide
    fitted, start = [], 0
    rest = max(1, width - _taken(kept))
    for column in kept:
        cells = column.width or rest
        fitted.append(Fitted(column, start, cells))
        start += cells + GAP
    return fitted


def _taken(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)
