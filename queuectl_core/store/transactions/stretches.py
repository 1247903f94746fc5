"""The jobs of some states and queues as one list in the order of their numbers: the steps that browsing is made of.

Which index such a list is walked along depends on its shape alone, so that each walk is one seek and then a step a row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, NamedTuple

from queuectl_core.model.filters import Filter, exits_of, folded
from queuectl_core.model.job import Job, JobState
from queuectl_core.store.statements import Statement, Steps


class Shape(Enum):
    """How a list is put together."""

    ALL = auto()
    """Of every job."""
    PAIR = auto()
    """Of the jobs of one queue in one state."""
    PAIRS = auto()
    """Of several such, merged."""


DOWN = {Shape.ALL: "numbers_down", Shape.PAIR: "numbers_of_pair_down", Shape.PAIRS: "numbers_of_pairs_down"}
UP = {Shape.ALL: "numbers_up", Shape.PAIR: "numbers_of_pair_up", Shape.PAIRS: "numbers_of_pairs_up"}
HOW_MANY = {Shape.ALL: "how_many", Shape.PAIR: "how_many_of_pair", Shape.PAIRS: "how_many_of_pairs"}


class Stretch(NamedTuple):
    """A list of jobs: its `pairs` of state and queue, the `values` that name them to a statement, and its length."""

    shape: Shape
    pairs: list[tuple[str, str]]
    values: dict[str, Any]
    jobs: int


def stretch_of(filter: Filter) -> Steps[Stretch]:
    """The list of all jobs in the filter's states and queues; what else it asks for is not looked at."""
    counts = yield Statement("counts")
    held = [
        (state, queue, n)
        for queue, state, n in counts
        if (not filter.states or JobState(state) in filter.states) and (not filter.queues or queue in filter.queues)
    ]
    pairs = [(state, queue) for state, queue, _ in held]
    values: dict[str, Any] = {"pairs": json.dumps(pairs)}
    if not filter.states and not filter.queues:
        shape = Shape.ALL
    elif len(pairs) == 1:
        shape = Shape.PAIR
        values |= {"state": pairs[0][0], "queue": pairs[0][1]}
    else:
        shape = Shape.PAIRS
    return Stretch(shape, pairs, values, sum(n for _, _, n in held))


def walk(
    stretch: Stretch, above: int, below: int, *, newest_first: bool, limit: int, skip: int = 0
) -> Steps[list[int]]:
    """Up to `limit` numbers of a list strictly between two, in order, the first `skip` of them left out."""
    if not stretch.pairs:
        return []
    values = {**stretch.values, "above": above, "below": below, "limit": limit, "skip": skip}
    rows = yield Statement((DOWN if newest_first else UP)[stretch.shape], values)
    return [number for (number,) in rows]


def how_many(stretch: Stretch, above: int, below: int, limit: int) -> Steps[int]:
    """How many numbers of a list lie strictly between two, counted up to `limit`."""
    if not stretch.pairs:
        return 0
    values = {**stretch.values, "above": above, "below": below, "limit": limit}
    [(n,)] = yield Statement(HOW_MANY[stretch.shape], values)
    return int(n)


def between(after: int, newest_first: bool, until: int) -> tuple[int, int]:
    """The open interval of numbers that lie beyond `after` in this order and not above `until`."""
    return (0, min(after, until + 1)) if newest_first else (after, until + 1)


def jobs_numbered(numbers: Sequence[int]) -> Steps[list[Job]]:
    """The jobs with these numbers, in that order; those that are gone are left out."""
    if not numbers:
        return []
    rows = yield Statement("jobs_numbered", {"numbers": json.dumps(numbers)})
    return [Job.from_row(row) for row in rows]


def asked(filter: Filter) -> dict[str, Any]:
    """The values of the fragment `matching`: what the filter asks for beyond states and queues."""
    command, *commands = map(folded, filter.commands or ("",))
    word, *words = map(folded, filter.words or ("",))
    return {
        "ids": _listed(filter.ids),
        "command": command or None,
        "commands": _listed(commands),
        "word": word or None,
        "words": _listed(words),
        "exits": json.dumps(exits_of(filter)._asdict()) if filter.exits else None,
        "older_ms": filter.older_ms,
        "newer_ms": filter.newer_ms,
    }


def _listed(texts: Sequence[str]) -> str | None:
    return json.dumps(texts) if texts else None
