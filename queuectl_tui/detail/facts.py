"""The facts of a job as lines: what it is, what it runs, when, where, and how it ended. Pure but for the widget below.

Values of environment variables may be secret, so their names alone are here.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from textual.content import Content

from queuectl_core.model.cleaning import clean, clean_output
from queuectl_core.model.job import Command, Job
from queuectl_tui.detail.block import Block
from queuectl_tui.detail.dossier import Dossier
from queuectl_tui.detail.words import length, moment, moment_and_age
from queuectl_tui.looks.cells import age, ending
from queuectl_tui.looks.states import STATES

NAMES = 11
"""Cells for the name of a fact."""

GAP = 2
"""Cells between two facts in one line."""

LONGEST_TEXT = 20_000
"""Characters of a command or an error that are shown: more would make each line wait."""


class Fact(NamedTuple):
    """A name and a value, which is clean, of one line or several."""

    name: str
    value: str


def facts(job: Job, now: int) -> Iterator[Fact]:
    """What is worth telling of a job, in order; `now` in ms. The command is not among them."""
    yield Fact("queue", clean(job.queue))
    yield Fact("priority", str(job.priority))
    yield Fact("attempts", _attempts(job))
    yield Fact("timeout", "none" if job.timeout_ms is None else length(job.timeout_ms))
    yield Fact("created", moment_and_age(job.created_at, now))
    if job.started_at is not None:
        yield Fact("started", moment_and_age(job.started_at, now))
    if job.finished_at is not None:
        yield Fact("ended", moment_and_age(job.finished_at, now))
    if job.next_run_at is not None:
        yield Fact("due", _due(job.next_run_at, now))
    if job.worker:
        yield Fact("worker", clean(job.worker))
    yield Fact("directory", clean(job.cwd))
    if job.env:
        yield Fact("variables", " ".join(clean(name) for name in job.env))
    if job.error and job.error != f"exit status {job.exit_code}":  # a mere exit status stands in the title
        yield Fact("last end", cause_of(job))


def _attempts(job: Job) -> str:
    text = f"{job.attempts} of {job.max_retries + 1}"
    return text if job.runs == job.attempts else f"{text} ({job.runs:,} runs)"


def _due(due: int, now: int) -> str:
    return moment_and_age(due, now) if due > now else f"{moment(due, now)} · for {age(due, now)}"


def cause_of(job: Job) -> str:
    """How the last run ended: exit status or signal, and the error, where that does not say so itself."""
    how = ending(job._replace(error=None))
    why = clean_output(shortened(job.error)) if job.error else ""
    if why.startswith(f"exit status {job.exit_code}"):
        return why
    return ": ".join(part for part in (how, why) if part)


def shortened(text: str) -> str:
    """Text that is not so long that it would take its time to wrap."""
    rest = len(text) - LONGEST_TEXT
    return text if rest <= 0 else f"{text[:LONGEST_TEXT]}… and {rest:,} characters more"


@lru_cache(maxsize=32)
def wrapped(text: str, width: int) -> tuple[str, ...]:
    """Clean text in lines of at most `width` cells; its own line breaks stay."""
    lines = []
    for line in text.expandtabs(4).split("\n"):
        lines += [part.plain for part in Content(line).wrap(max(2, width))] if line else [""]
    return tuple(lines)


@lru_cache(maxsize=8)
def command_text(command: Command) -> str:
    """A command in full as one would type it: harmless, on as many lines as it has."""
    text = command if isinstance(command, str) else shlex.join(command)
    return clean_output(shortened(text.strip("\n")))


def fact_lines(dossier: Dossier, now: int, width: int) -> list[Content]:
    """All that is told of a job, in lines of at most `width` cells; `now` in ms.

    What may be long comes last: where there is no room for all, it is what has to be scrolled to.
    """
    job = dossier.job
    lines = [_title(job, width)]
    if dossier.gone:
        lines += _indented("it has been removed; this is the last that was known of it", width, "bold $warning")
    lines += arranged(list(facts(job, now)), width)
    return [*lines, *_command(command_text(job.command), width)]


def _title(job: Job, width: int) -> Content:
    look = STATES[job.state]
    word = "cancelling" if job.cancelling else job.state.value
    state = Content.styled(f"{look.sign} {word}", f"bold ${look.colour}")
    name = Content.styled(clean(job.id), "bold").truncate(max(4, width - state.cell_length - GAP), ellipsis=True)
    title = Content.assemble(name, " " * GAP, state)
    end = Content.styled(ending(job._replace(error=None) if job.error == job.state else job), "$text-muted")
    return Content.assemble(title, " " * GAP, end).truncate(width, ellipsis=True) if end else title


def _command(text: str, width: int) -> list[Content]:
    first, *rest = wrapped(text, width - 2)
    return [Content.assemble(("$ ", "$text-muted"), first), *(Content(f"  {line}") for line in rest)]


def _indented(text: str, width: int, style: str) -> list[Content]:
    return [Content.styled(line, style) for line in wrapped(text, width)]


def arranged(all_facts: Sequence[Fact], width: int) -> list[Content]:
    """Facts, two in a line where both fit into halves of it; long ones are wrapped in lines of their own."""
    half = (width - GAP) // 2
    lines: list[Content] = []
    left: Content | None = None
    for fact in all_facts:
        parts = wrapped(fact.value, width - NAMES)
        cell = _named(fact.name, parts[0])
        short = len(parts) == 1 and cell.cell_length <= half
        if left is not None and short:
            lines.append(Content.assemble(left.pad_right(half - left.cell_length + GAP), cell))
            left = None
            continue
        if left is not None:
            lines.append(left)
        left = cell if short else None
        if not short:
            lines += [cell, *(Content(" " * NAMES + part) for part in parts[1:])]
    return lines if left is None else [*lines, left]


def _named(name: str, value: str) -> Content:
    return Content.assemble((f"{name:<{NAMES}}", "$text-muted"), value)


class Facts(Block):
    """The facts of the job that is shown."""

    def __init__(self) -> None:
        super().__init__()
        self._dossier: Dossier | None = None
        self._now = 0

    def show(self, dossier: Dossier | None, now: int) -> None:
        """Show these; `now` in ms."""
        self._dossier, self._now = dossier, now
        self.look_again()

    def lines(self, width: int) -> list[Content]:
        """The facts, or none before there are any."""
        return fact_lines(self._dossier, self._now, width) if self._dossier is not None else []
