"""Values of jobs as cells of a table: exact in a pipe, short and local for a person at a terminal."""

from __future__ import annotations

import shlex
from datetime import datetime

from queuectl_core.cli.output import Cell
from queuectl_core.cli.shapes import instant
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import Command, JobState, Outcome

_STATES: dict[JobState, tuple[str, str]] = {
    JobState.PENDING: ("·", "cyan"),
    JobState.PROCESSING: ("▶", "bold blue"),
    JobState.COMPLETED: ("✓", "green"),
    JobState.FAILED: ("!", "yellow"),
    JobState.DEAD: ("✗", "bold red"),
    JobState.CANCELLED: ("-", "dim"),
}
_OUTCOMES: dict[Outcome, str] = {
    Outcome.COMPLETED: "green",
    Outcome.FAILED: "red",
    Outcome.TIMED_OUT: "red",
    Outcome.CANCELLED: "dim",
    Outcome.RELEASED: "yellow",
    Outcome.LOST: "bold red",
}


def state(value: JobState) -> Cell:
    """A state: its word, at a terminal with a sign before it, so that colour never says it alone."""
    sign, style = _STATES[value]
    return Cell(value.value, f"{sign} {value.value}", style)


def outcome(value: Outcome | None) -> Cell:
    """How a run ended; one that goes on is `running`."""
    return Cell(value.value, value.value, _OUTCOMES[value]) if value else Cell("running", "running", "bold blue")


def age(milliseconds: int | None, now: int) -> Cell:
    """How long ago an instant was, or how far ahead it lies; the instant itself in a pipe. All in ms."""
    if milliseconds is None:
        return Cell("", "")
    length = format_duration(abs(now - milliseconds) // 1000, parts=1)
    return Cell(instant(milliseconds) or "", length if milliseconds <= now else f"in {length}")


def moment(milliseconds: int | None) -> Cell:
    """An instant: local time at a terminal, UTC in a pipe. In ms."""
    if milliseconds is None:
        return Cell("", "")
    exact = instant(milliseconds) or ""
    try:
        return Cell(exact, f"{datetime.fromtimestamp(milliseconds / 1000):%Y-%m-%d %H:%M:%S}")
    except (OverflowError, ValueError, OSError):  # the last hours of the year 9999, east of UTC
        return Cell(exact, exact)


def length(milliseconds: int | None) -> Cell:
    """A length of time; seconds in a pipe. In ms."""
    if milliseconds is None:
        return Cell("", "")
    return Cell(f"{milliseconds / 1000:g}", format_duration(milliseconds / 1000))


def command(value: Command) -> str:
    """A command as one would type it."""
    return value if isinstance(value, str) else shlex.join(value)


def ending(exit_code: int | None, signal: int | None) -> str:
    """How a process ended: its exit status, or the signal that ended it."""
    if signal is not None:
        return f"signal {signal}"
    return "" if exit_code is None else f"exit {exit_code}"
