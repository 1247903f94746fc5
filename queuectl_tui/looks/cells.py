"""Values of jobs as the text of a cell: short, on one line and harmless. Pure: the present is passed in."""

from __future__ import annotations

import re
import shlex

from rich.cells import cell_len, set_cell_size

from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import Command, Job

GAP = 2
"""Cells between two columns."""

COARSE_FROM, COARSE_STEP = 10, 5
"""From how many seconds on an age is told in steps, and of how many."""

LONGEST_COMMAND = 1000
"""Characters of a command that a row looks at; the widest terminal shows fewer."""

_KILLED = re.compile(r"^killed by signal \d+ \((SIG\w+)\)")


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
        # The number or signal is what tells one from another: it must stand before whatever is cut off.
        short = _KILLED.sub(r"\1", error[:LONGEST_COMMAND], count=1)
        return clean(short.replace("exit status ", "exit ", 1))
    if signal is not None:
        return f"signal {signal}"
    return "" if exit_code is None else f"exit {exit_code}"


def ending(job: Job) -> str:
    """How the last run of a job ended."""
    return how_it_ended(job.error, job.exit_code, job.signal)


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
