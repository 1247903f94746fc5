"""A glance at the job under the cursor: how each attempt ended, and the last lines it wrote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.text import Text
from textual.content import Content
from textual.visual import VisualType
from textual.widget import Widget

from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import Attempt, Job, Outcome
from queuectl_tui.log.terminal_line import render
from queuectl_tui.looks.cells import age, command_text, ending
from queuectl_tui.looks.states import OUTCOMES

MOST_LINES = 200
"""Lines of output that are looked at: more than a screen has."""


class Glance(NamedTuple):
    """A job, its runs, and the stored end of its last output; no job, where there is none to look at."""

    job: Job | None = None
    runs: Sequence[Attempt] = ()
    tail: bytes = b""


class Peek(Widget):
    """Shows what it is given, the end of it where there is no room for all."""

    DEFAULT_CSS = """
    Peek { width: 1fr; height: 1fr; padding: 0 1; background: $panel; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._glance = Glance()
        self._lines: Sequence[Text] = ()
        self._now = 0

    def show(self, glance: Glance, now: int) -> None:
        """Show what was seen at `now` (ms)."""
        self._glance, self._now = glance, now
        self._lines = [render(line) for line in glance.tail.rstrip(b"\r\n").rsplit(b"\n", MOST_LINES)[-MOST_LINES:]]
        while self._lines and not self._lines[-1].plain:
            self._lines = self._lines[:-1]
        self.refresh()

    def render(self) -> VisualType:
        """Head, attempts, output."""
        job, runs = self._glance.job, self._glance.runs
        if job is None:
            return Content("")
        width, height = self.size.width, self.size.height
        head = [
            Content.assemble((clean(job.id), "bold"), "  ", (ending(job), "$state-dead")),
            Content.styled(command_text(job.command), "$text-muted"),
        ]
        room = max(0, height - len(head))
        attempts = [self._run(run) for run in runs[-max(1, room // 2, room - len(self._lines)) :]]
        shown = self._lines[-(room - len(attempts)) :] if room > len(attempts) else []
        output = [Content.from_rich_text(line) for line in shown]
        if not self._lines and room > len(attempts):
            # Of a run that was lost with its host, nobody knows what it wrote.
            is_known = not runs or runs[-1].outcome is not Outcome.LOST
            output = [Content("it wrote nothing" if is_known else "no output of it is stored")]
        lines = [*head, *attempts, *output]
        return Content("\n").join(line.truncate(width, ellipsis=True) for line in lines)

    def _run(self, run: Attempt) -> Content:
        look = OUTCOMES[run.outcome]
        word = run.outcome.value if run.outcome else "running"
        took = format_duration(run.duration_ms / 1000) if run.duration_ms is not None else ""
        how = run.error or (f"signal {run.signal}" if run.signal is not None else f"exit {run.exit_code}")
        return Content.assemble(
            (f"{run.attempt:>3} ", "$text-muted"),
            (f"{look.sign} {word:<10}", f"${look.colour}"),
            f" {clean(how)}",
            (f"  {age(run.started_at, self._now)} ago, {took}", "$text-muted"),
        )
