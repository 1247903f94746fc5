"""Why jobs died: dead jobs grouped by how they ended and by the program they ran, read in chunks."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import JobState
from queuectl_core.store.statements import Rows, Statement, Steps, read
from queuectl_core.store.transactions.browsing import Scan, scan_step
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_core.store.transactions.stretches import stretch_of, walk

WRAPPERS = frozenset(("env", "exec", "nice", "nohup", "setsid", "sudo", "time"))
"""Programs that run the one named after them."""

EVERY = Filter()


class StemCause(NamedTuple):
    """Dead jobs that died alike and whose commands begin alike: `stem` is the program they run.

    `first_at` and `last_at` are when they died (ms), `newest` is the highest of their numbers.
    """

    stem: str
    error: str | None
    exit_code: int | None
    signal: int | None
    jobs: int
    first_at: int
    last_at: int
    newest: int


class CauseChunk(NamedTuple):
    """The causes of some dead jobs, and below which number to go on; None where these were the last."""

    causes: list[StemCause]
    next_before: int | None


@read
def cause_chunk(filter: Filter = EVERY, *, before: int = BEYOND_ALL, limit: int = 2000) -> Steps[CauseChunk]:
    """The causes of those that match among the next `limit` dead jobs of the filter's queues below the number `before`.

    Several chunks make `merged_causes`.
    """
    return (yield from _cause_chunk(filter, before, limit))


@read
def causes_by_stem(filter: Filter = EVERY) -> Steps[list[StemCause]]:
    """All dead jobs that match by cause and program, the commonest first, from one snapshot. Reads every dead job."""
    causes: list[StemCause] = []
    before: int | None = BEYOND_ALL
    while before is not None:
        chunk = yield from _cause_chunk(filter, before, 2000)
        causes, before = merged_causes((*causes, *chunk.causes)), chunk.next_before
    return causes


def _cause_chunk(filter: Filter, before: int, limit: int) -> Steps[CauseChunk]:
    visited, rows = yield from _deaths_below(filter, before, limit)
    found = (
        StemCause(stem_of(command), error, exit_code, signal, 1, at, at, number)
        for command, error, exit_code, signal, at, number in rows
    )
    return CauseChunk(merged_causes(found), visited.next_before)


def _deaths_below(filter: Filter, before: int, limit: int) -> Steps[tuple[Scan, Rows]]:
    """Those that match among the next dead jobs, and the row of `ends_of` for each."""
    dead = filter._replace(states=(JobState.DEAD,))
    if filter.needs_scan:
        visited = yield from scan_step(dead, before, limit)
    else:
        numbers = yield from walk((yield from stretch_of(dead)), 0, before, newest_first=True, limit=limit)
        visited = Scan(numbers, numbers[-1] if len(numbers) == limit else None, len(numbers))
    return visited, (yield Statement("ends_of", {"numbers": json.dumps(visited.numbers)}))


def merged_causes(causes: Iterable[StemCause]) -> list[StemCause]:
    """Causes of several chunks as one list in which each stands once, the commonest first."""
    merged: dict[tuple[object, ...], StemCause] = {}
    for cause in causes:
        known = merged.get(cause[:4])
        merged[cause[:4]] = cause if known is None else _together(known, cause)
    return sorted(merged.values(), key=lambda cause: (-cause.jobs, cause.stem, cause.error or "", -cause.newest))


def _together(one: StemCause, other: StemCause) -> StemCause:
    return one._replace(
        jobs=one.jobs + other.jobs,
        first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at),
        newest=max(one.newest, other.newest),
    )


def stem_of(command: str) -> str:
    """The program a command runs, without its folder; what stands before it, as `A=1 env sudo -E`, is passed over."""
    words = command.split()
    for index, word in enumerate(words):
        name = word.rpartition("/")[2] or word
        if "=" not in word and name not in WRAPPERS and not (index and word.startswith("-")):
            return name
    return words[0] if words else ""


@read
def dead_alike(cause: StemCause, filter: Filter = EVERY, *, before: int = BEYOND_ALL, limit: int = 2000) -> Steps[Scan]:
    """Those that died as `cause` says among what `cause_chunk` looks at, the newest first."""
    visited, rows = yield from _deaths_below(filter, before, limit)
    alike = [
        number
        for command, error, exit_code, signal, _, number in rows
        if (stem_of(command), error, exit_code, signal) == cause[:4]
    ]
    return visited._replace(numbers=sorted(alike, reverse=True))
