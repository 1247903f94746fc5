"""The columns of the list of jobs: what each shows of a job, and which of them a width has room for. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import Command, Job
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.looks.states import STATES

GAP = 2
"""Cells between two columns."""

COARSE_FROM, COARSE_STEP = 10, 5
"""From how many seconds on an age is told in steps, and of how many."""

LONGEST_COMMAND = 1000
"""Characters of a command that a row looks at; the widest terminal shows fewer."""


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


def age(instant: int | None, now: int) -> str:
    """How long ago an instant was, or how far ahead it lies; nothing where there is none. In ms.

    Coarser from ten seconds on: a screenful of ages that tick each second would be half of what an idle console costs.
    """
    if instant is None:
        return ""
    seconds = abs(now - instant) // 1000
    if COARSE_FROM <= seconds < 60:
        seconds -= seconds % COARSE_STEP
    length = format_duration(seconds, parts=1)
    return length if instant <= now else f"in {length}"


def command_text(command: Command) -> str:
    """A command as one would type it, on one line and harmless."""
    text = command if isinstance(command, str) else shlex.join(command)
    return clean(text[:LONGEST_COMMAND])


def how_it_ended(error: str | None, exit_code: int | None, signal: int | None) -> str:
    """How a run ended, in a few words: its error, where there is one, else its signal or exit status."""
    if error:
        # The number is what tells one from another: it must stand before whatever is cut off.
        return clean(error[:LONGEST_COMMAND].replace("exit status ", "exit ", 1))
    if signal is not None:
        return f"signal {signal}"
    return "" if exit_code is None else f"exit {exit_code}"


def ending(job: Job) -> str:
    """How the last run of a job ended."""
    return how_it_ended(job.error, job.exit_code, job.signal)


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


def cut(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells; what does not fit ends with an ellipsis."""
    if text.isascii():
        length = len(text)
        if length > width:
            return text[: max(0, width - 1)] + "…" if width else ""
        return text.rjust(width) if right else text.ljust(width)
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, max(0, width - 1)) + "…" if width else ""
    blank = " " * (width - length)
    return blank + text if right else text + blank
