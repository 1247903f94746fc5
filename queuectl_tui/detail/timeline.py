"""The runs of a job, one line each: how it ended, when, how long it took, what it wrote, who ran it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message

from queuectl_core.model.cleaning import clean
from queuectl_core.model.job import Attempt
from queuectl_tui.detail.block import Block
from queuectl_tui.detail.words import length, moment, size
from queuectl_tui.looks.cells import cut, how_it_ended
from queuectl_tui.looks.states import OUTCOMES

_EIGHTHS = " ▏▎▍▌▋▊▉"
_OUTCOME, _TOOK, _OUTPUT, _SHORTEST_ENDING = 11, 6, 8, 9
_LONGEST_BAR, _SHORTEST_BAR = 16, 6
_MARK = "▌ "


class Layout(NamedTuple):
    """How many cells each column has; 0 is one that is left out."""

    run: int
    ending: int
    started: int
    bar: int
    worker: int


class Row(NamedTuple):
    """What a line says of a run, in words."""

    run: str
    outcome: str
    ending: str
    started: str
    took: str
    output: str
    worker: str


def row_of(run: Attempt, now: int) -> Row:
    """A run in words; `now` in ms."""
    word = "running" if run.outcome is None else run.outcome.value.replace("_", " ")
    return Row(
        str(run.attempt),
        f"{OUTCOMES[run.outcome].sign} {word}",
        ending_of(run),
        moment(run.started_at, now),
        length(took(run, now)),
        "" if run.output_bytes is None else size(run.output_bytes),
        clean(run.worker),
    )


def ending_of(run: Attempt) -> str:
    """How a run ended: its error, signal or exit status."""
    return how_it_ended(run.error, run.exit_code, run.signal)


def took(run: Attempt, now: int) -> int:
    """How long a run took, or has taken so far, that in whole seconds; `now` and the answer in ms."""
    if run.duration_ms is not None:
        return run.duration_ms
    if run.finished_at is not None:
        return max(0, run.finished_at - run.started_at)
    return max(0, now - run.started_at) // 1000 * 1000


def bar(share: float, width: int) -> str:
    """A bar for a share of `width` cells; what is not nothing is seen."""
    if width <= 0 or share <= 0:
        return " " * max(0, width)
    full, eighths = divmod(max(1, round(min(1.0, share) * width * 8)), 8)
    return ("█" * full + (_EIGHTHS[eighths] if eighths else "")).ljust(width)


def layout(rows: Sequence[Row], width: int) -> Layout:
    """Cells for the columns: what there is beyond the least goes to the endings, then to a bar."""
    run = max(3, *(len(row.run) for row in rows))
    started = max(len("STARTED"), *(len(row.started) for row in rows))
    worker = min(24, max(len("WORKER"), *(cell_len(row.worker) for row in rows)))
    rest = width - len(_MARK) - (run + _OUTCOME + _SHORTEST_ENDING + started + _TOOK + _OUTPUT + worker + 6)
    if rest < 0:
        worker = max(0, worker + rest) if worker + rest >= 4 else 0
        return Layout(run, _SHORTEST_ENDING, started, 0, worker)
    wanted = max(cell_len(row.ending) for row in rows)
    ending = min(max(_SHORTEST_ENDING, wanted), _SHORTEST_ENDING + rest)
    rest -= ending - _SHORTEST_ENDING + 1
    compared = len(rows) > 1 and rest >= _SHORTEST_BAR
    return Layout(run, ending, started, min(rest, _LONGEST_BAR) if compared else 0, worker)


def titles(columns: Layout) -> Content:
    """The line above the runs."""
    return Content.styled(
        "  " + _joined(Row("RUN", "OUTCOME", "ENDING", "STARTED", "TOOK", "OUTPUT", "WORKER"), "", columns),
        "bold $text-muted",
    )


def _joined(row: Row, drawn_bar: str, columns: Layout) -> str:
    parts = [
        cut(row.run, columns.run, right=True),
        cut(row.outcome, _OUTCOME),
        cut(row.ending, columns.ending),
        cut(row.started, columns.started),
        cut(row.took, _TOOK, right=True),
        *([drawn_bar.ljust(columns.bar)] if columns.bar else []),
        cut(row.output, _OUTPUT, right=True),
        *([cut(row.worker, columns.worker)] if columns.worker else []),
    ]
    return " ".join(parts).rstrip()


def run_line(run: Attempt, row: Row, share: float, columns: Layout, *, shown: bool) -> Content:
    """One run; `share` is how long it took next to the longest. The one that is shown is marked."""
    text = _joined(row, bar(share, columns.bar), columns)
    colour = f"${OUTCOMES[run.outcome].colour}"
    content = Content(text).stylize("bold" if shown else "")
    start = columns.run + 1
    content = content.stylize(colour, start, start + _OUTCOME)
    if columns.bar:
        start += _OUTCOME + columns.ending + columns.started + _TOOK + 4
        content = content.stylize(colour, start, start + columns.bar)
    return Content.assemble((_MARK if shown else "  ", "bold $accent"), content)


def window(count: int, shown: int, room: int) -> range:
    """Which of `count` runs are in sight where there is room for some, the one that is shown among them."""
    room = max(1, room)
    first = max(0, min(shown - room // 2, count - room))
    return range(first, min(count, first + room))


def timeline(runs: Sequence[Attempt], shown: int, now: int, width: int, room: int) -> list[Content]:
    """Titles, and a line for each run in sight; nothing where there is no run. `now` in ms, `room` in lines."""
    if not runs:
        return []
    places = window(len(runs), shown, room - 1)
    rows = [row_of(runs[place], now) for place in places]
    columns = layout(rows, width)
    lengths = [took(runs[place], now) for place in places]
    longest = max(lengths) or 1
    lines = [
        run_line(runs[place], row, lasted / longest, columns, shown=place == shown)
        for place, row, lasted in zip(places, rows, lengths, strict=True)
    ]
    return [titles(columns), *lines]


class Timeline(Block):
    """The runs of the job that is shown."""

    class Chosen(Message):
        """A run was pressed; `place` is its place in the runs."""

        def __init__(self, place: int) -> None:
            self.place = place
            super().__init__()

    def __init__(self) -> None:
        super().__init__()
        self._runs: Sequence[Attempt] = ()
        self._shown = 0
        self._now = 0
        self.room = 6
        """Lines that it may take, the titles among them."""

    def show(self, runs: Sequence[Attempt], shown: int, now: int) -> None:
        """Show these runs, one of them marked; `now` in ms."""
        self._runs, self._shown, self._now = runs, shown, now
        self.look_again()

    def lines(self, width: int) -> list[Content]:
        """Titles and runs."""
        return timeline(self._runs, self._shown, self._now, width, self.room)

    def on_click(self, event: events.Click) -> None:
        """The run under the mouse is chosen."""
        places = window(len(self._runs), self._shown, self.room - 1)
        if 1 <= event.y <= len(places):
            self.post_message(self.Chosen(places[event.y - 1]))
