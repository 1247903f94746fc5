"""What the help says: sections made from the table of actions, laid out for a width. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual.content import Content

from queuectl_core.model.job import JobState
from queuectl_tui.actions import ACTIONS, PANE_ACTIONS, PANES, SCROLLED, Action, Place, actions_in, keys_of, usable
from queuectl_tui.looks.states import STATES

NAME_WIDTH = 14
"""Cells of what stands before an explanation: keys, signs, words of a filter."""

WIDE = 120
"""Columns from which on there is room for two."""

BETWEEN = 4
"""Cells between two columns of sections."""


class Row(NamedTuple):
    """Something, and what it means; `style` is that of the former."""

    name: str
    meaning: str
    style: str = "bold $accent"


class Section(NamedTuple):
    """Rows under a title."""

    title: str
    rows: tuple[Row, ...]


_MEANINGS: dict[JobState, str] = {
    JobState.PENDING: "waits for a worker, or for its time",
    JobState.PROCESSING: "runs",
    JobState.COMPLETED: "ended with exit status 0",
    JobState.FAILED: "failed, and waits for its next run",
    JobState.DEAD: "failed, and has no retry left: it is in the DLQ",
    JobState.CANCELLED: "was cancelled",
}

_FILTERS = (
    Row("word", "in the id, command, queue or error; several must all be there"),
    Row("state: queue:", "one of these: state:dead,failed queue:mail"),
    Row("id: cmd:", 'ids that begin so; commands that contain it: cmd:"make all"'),
    Row("exit:", "exit status, signal:9, any signal, or part of the error"),
    Row("older: newer:", "enqueued longer ago, or less long ago: older:1h newer:7d"),
    Row("all together", "words of different keys must all hold, those of one key are alternatives"),
)


def sections(here: Place, *, read_only: bool) -> list[Section]:
    """All that help says, the place where it was asked for first."""
    panes = [here, *(place for place in (*PANES, Place.DETAIL) if place is not here)]
    found = [_of_place(place, read_only=read_only) for place in (*panes, Place.EVERYWHERE)]
    moving = Section("Moving", _rows(action for action in ACTIONS if action.motion and action.places == SCROLLED))
    states = tuple(
        Row(f"{STATES[state].sign} {state.value}", _MEANINGS[state], f"${STATES[state].colour}") for state in JobState
    )
    return [*(one for one in found if one.rows), moving, Section("States", states), Section("Filters", _FILTERS)]


def _of_place(place: Place, *, read_only: bool) -> Section:
    actions = usable(actions_in(place), read_only=read_only)
    return Section(place.value, _rows(action for action in actions if action.places != SCROLLED))


def _rows(actions: Iterable[Action]) -> tuple[Row, ...]:
    return tuple(Row(keys_of(action), _meaning(action)) for action in actions)


def _meaning(action: Action) -> str:
    place = f"{action.label}: " if action.name in PANE_ACTIONS else ""
    return f"{place}{action.help}{' (asks)' if action.asks else ''}"


def laid_out(parts: Sequence[Section], width: int) -> list[Content]:
    """The lines of the help for a width in cells: in two columns where there is room."""
    if width < WIDE:
        return [line for part in parts for line in _lines(part, width)]
    each = (width - BETWEEN) // 2
    blocks = [_lines(part, each) for part in parts]
    cut = _half(blocks)
    left = [line for block in blocks[:cut] for line in block]
    right = [line for block in blocks[cut:] for line in block]
    height = max(len(left), len(right))
    blank = Content("")
    left += [blank] * (height - len(left))
    right += [blank] * (height - len(right))
    return [
        Content.assemble(one, " " * (each + BETWEEN - one.cell_length), other)
        for one, other in zip(left, right, strict=True)
    ]


def _half(blocks: Sequence[Sequence[Content]]) -> int:
    """How many blocks go to the left, so that the longer side is as short as can be."""
    lengths = [len(block) for block in blocks]
    return min(range(1, len(blocks) + 1), key=lambda cut: max(sum(lengths[:cut]), sum(lengths[cut:])))


def _lines(part: Section, width: int) -> list[Content]:
    lines = [Content.styled(part.title, "bold")]
    for row in part.rows:
        name, *more = textwrap.wrap(row.name, NAME_WIDTH) or [""]
        meanings = textwrap.wrap(row.meaning, max(10, width - NAME_WIDTH - 4)) or [""]
        height = max(1 + len(more), len(meanings))
        names = [name, *more] + [""] * (height - 1 - len(more))
        meanings += [""] * (height - len(meanings))
        lines += [
            Content.assemble("  ", (first.ljust(NAME_WIDTH), row.style), "  ", second)
            for first, second in zip(names, meanings, strict=True)
        ]
    return [*lines, Content("")]
