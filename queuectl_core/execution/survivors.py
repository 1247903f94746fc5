"""Who survives of a run: found by its token, its mark, its session and its parentage; ended, and seen gone.

Before a job runs again, every surviving process of its run before must be gone. This module finds them
and ends them; whether a run is over is for others to know.
"""

from __future__ import annotations

import signal
import time
from typing import NamedTuple

from queuectl_core.execution.liveness import Note, RunNote
from queuectl_core.execution.marks import mark_of, mark_on
from queuectl_core.execution.processes import (
    Process,
    all_pids,
    boot_id,
    descendants,
    look_at,
    pid_namespace,
    send,
    ticks,
    token_of,
)

SLACK_TICKS = 2
"""How far the start of a process, in whole ticks, may lie outside the instants noted around it."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.002, 0.25
"""Seconds between two looks at what is being ended, at first and at most: where it is of another user it may stay."""

MOST_ROUNDS = 20
"""How often the processes that were born during a look are looked at in turn: elsewhere some always are."""


class Trail(NamedTuple):
    """What is known of a run: `note` where its worker noted the spawn on this boot, `adopters` are the pids
    to which its orphans come (its worker and pool)."""

    token: str
    note: RunNote | None = None
    adopters: tuple[int, ...] = ()


def trail_of(token: str, note: Note | None, adopters: tuple[int, ...] = ()) -> Trail:
    """The trail of a run by what its worker last noted; a note of another boot or namespace is no trail."""
    if note is None or note.boot != boot_id() or note.namespace != pid_namespace():
        return Trail(token, None, adopters)
    run = note.run if note.run is not None and note.run.token == token else None
    return Trail(token, run, adopters)


def find_survivors(trail: Trail) -> list[Process]:
    """Every living process of the run, as far as it left a trail."""
    processes, found = _look_round(trail)
    living = {process.pid: process for process in processes if not process.zombie}
    if trail.note is not None:
        found |= {process.pid for process in processes if _in_session(process, trail.note, processes)}
        found |= _adopted(trail, living)
    found |= descendants(found, processes)
    return [living[pid] for pid in sorted(found) if pid in living]


def _look_round(trail: Trail) -> tuple[list[Process], set[int]]:
    """Every process, and the pids of those that say themselves that they are of the run.

    A process that starts another in its place and leaves may do so while we look at the many others, and the other
    was not there when these were listed. So whoever is new is looked at too, until nobody is.
    """
    mark = mark_of(trail.token)
    known: dict[int, Process | None] = {}
    found = set()
    for _ in range(MOST_ROUNDS):
        new = [pid for pid in all_pids() if pid not in known]
        if not new:
            break
        for pid in new:
            known[pid] = look_at(pid)
            if mark_on(pid) == mark or token_of(pid) == trail.token:
                found.add(pid)
    return [process for process in known.values() if process is not None], found


def _in_session(process: Process, note: RunNote, processes: list[Process]) -> bool:
    """Whether the process belongs to the session that the run's command leads or led."""
    if process.session != note.pid or process.start < ticks(note.started_ns) - SLACK_TICKS:
        return False
    leader = next((other for other in processes if other.pid == note.pid), None)
    return leader is None or is_noted(leader, note)


def is_noted(process: Process, note: RunNote) -> bool:
    """Whether this is the process that was noted, and not another that has its pid now."""
    earliest, latest = ticks(note.started_ns) - SLACK_TICKS, ticks(note.spawned_ns) + SLACK_TICKS
    return process.pid == note.pid and earliest <= process.start <= latest


def _adopted(trail: Trail, living: dict[int, Process]) -> set[int]:
    """Orphans that came to an adopter and began no earlier than the run; those of other runs say so.

    An adopter's own workers share its session, which no process of a run ever does.
    """
    if trail.note is None:
        return set()
    since = ticks(trail.note.started_ns)
    sessions = {pid: living[pid].session for pid in trail.adopters if pid in living}
    return {
        process.pid
        for process in living.values()
        if process.session != sessions.get(process.parent, process.session)
        and process.start >= since
        and process.pid != trail.note.pid
        and token_of(process.pid) in (None, trail.token)
        and mark_on(process.pid) in (None, mark_of(trail.token))
    }


def end_survivors(trail: Trail, patience: float = 5.0) -> list[Process]:
    """Kill what survives of the run until none is left; returns those that `patience` seconds did not end.

    Who was signalled is waited for by itself, too: its parent may have ended first, and with it all that told of it.
    """
    deadline = time.monotonic() + patience
    quiet_looks, pause = 0, SHORTEST_PAUSE
    signalled: list[Process] = []
    # Two looks: a process that is just about to execute another program shows no environment for an instant.
    while quiet_looks < 2:
        known = {process.pid: process for process in (*filter(_lives, signalled), *find_survivors(trail))}
        survivors = [known[pid] for pid in sorted(known)]
        quiet_looks = 0 if survivors else quiet_looks + 1
        for process in survivors:
            send(process, signal.SIGKILL)
        if survivors and time.monotonic() > deadline:
            return survivors
        signalled = survivors
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE) if survivors else SHORTEST_PAUSE
    return []


def _lives(process: Process) -> bool:
    """Whether this very process has not ended."""
    now = look_at(process.pid)
    return now is not None and not now.zombie and now.start == process.start
