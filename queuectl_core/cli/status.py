"""`queuectl status`: the queue at a glance; the same cost at ten jobs and at ten million."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

from queuectl_core.cli import cells, context, output
from queuectl_core.cli.alarms import alarms
from queuectl_core.cli.output import Cell
from queuectl_core.cli.parameters import json_option
from queuectl_core.cli.shapes import Shape
from queuectl_core.model.durations import format_duration
from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.statistics import Durations, Summary, summary

if TYPE_CHECKING:
    from queuectl_core.execution.roster import WorkerView

BAR = 24
"""Characters of the longest bar."""


class Hands(NamedTuple):
    """How many workers are alive, and how many of them run a job."""

    alive: int
    busy: int

    @property
    def idle(self) -> int:
        """How many of them run none."""
        return self.alive - self.busy


@click.command("status", short_help="Show counts, workers, throughput and durations.")
@json_option
def status(as_json: bool) -> None:
    """Show counts by state, workers, the oldest waiting job, throughput, success rate and durations."""
    from queuectl_core.execution.roster import worker_views

    with context.open_store() as store:
        hands = count_hands(worker_views(store))
        found = store.run(summary())
        warnings = [str(alarm) for alarm in alarms(store)]
    shape = {**status_json(found, hands), "warnings": warnings}
    if as_json:
        output.json_document(shape)
    elif output.at_terminal():
        _show(found, hands, store.home.store_name, warnings)
    else:
        output.facts(_flattened(shape))


def count_hands(views: Sequence[WorkerView]) -> Hands:
    """The living among the workers, counted."""
    from queuectl_core.execution.roster import WorkerState

    living = [view for view in views if view.state is not WorkerState.LOST]
    return Hands(len(living), sum(view.job is not None for view in living))


def status_json(found: Summary, hands: Hands) -> Shape:
    """The status as scripts read it: times in seconds, jobs ended a second."""
    oldest = found.oldest_pending_ms
    return {
        "jobs": {state.value: found.jobs[state] for state in JobState},
        "total": sum(found.jobs.values()),
        "workers": {"alive": hands.alive, "busy": hands.busy, "idle": hands.idle},
        "oldest_pending_seconds": None if oldest is None else max(0, oldest) / 1000,
        "throughput": {window: round(rate, 4) for window, rate in found.throughput.items()},
        "success_rate": None if found.success_rate is None else round(found.success_rate, 4),
        "duration": None if found.duration is None else _rounded(found.duration),
    }


def _rounded(duration: Durations) -> Shape:
    return {name: round(seconds, 3) for name, seconds in duration._asdict().items()}


def _flattened(shape: Shape) -> list[tuple[str, str]]:
    """One level: states by their own names, the rest as `workers_alive`, `throughput_1m`, `duration_p95`; a line for
    each warning."""
    pairs: list[tuple[str, str]] = []
    for key, value in shape.items():
        if isinstance(value, dict):
            prefix = "" if key == "jobs" else f"{key}_"
            pairs += [(f"{prefix}{name}", _plain(number)) for name, number in value.items()]
        elif isinstance(value, list):
            pairs += [("warning", text) for text in value]
        elif key == "duration":
            pairs += [(f"duration_{name}", "") for name in Durations._fields]
        else:
            pairs.append((key, _plain(value)))
    return pairs


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value}"


def _show(found: Summary, hands: Hands, database: str, warnings: Sequence[str]) -> None:
    output.lines(database)
    output.heading("Jobs")
    most = max(found.jobs.values())
    widest = len(f"{most:,}")
    output.facts((cells.state(state).seen, _bar(state, n, most, widest)) for state, n in found.jobs.items())
    output.heading("Work")
    output.facts(_work(found, hands))
    if dead := found.jobs[JobState.DEAD]:
        them = "it" if dead == 1 else "them"
        output.lines(f"\n{dead:,} dead: look at {them} with 'queuectl dlq list'")
    if warnings:
        output.heading("Warnings")
        output.facts(("!", Cell(text, text, "yellow")) for text in warnings)


def _bar(state: JobState, n: int, most: int, width: int) -> Cell:
    bar = "█" * (0 if not n else max(1, round(BAR * n / most)))
    return Cell(str(n), f"{n:>{width},}  {bar}".rstrip(), cells.state(state).style if n else "dim")


def _work(found: Summary, hands: Hands) -> list[tuple[str, Cell | str]]:
    oldest = found.oldest_pending_ms
    rates = found.throughput.items()
    nothing = "no run in the last hour"
    return [
        ("Workers", _workers(hands, found)),
        ("Oldest waiting", "none is due" if oldest is None else format_duration(max(0, oldest) / 1000)),
        ("Throughput", ", ".join(f"{rate:.3g}/s ({window})" for window, rate in rates)),
        ("Success rate", nothing if found.success_rate is None else f"{found.success_rate:.1%}"),
        ("Duration", nothing if found.duration is None else _durations(found.duration)),
    ]


def _workers(hands: Hands, found: Summary) -> Cell | str:
    if hands.alive:
        return f"{hands.alive} alive: {hands.busy} busy, {hands.idle} idle"
    waits = found.jobs[JobState.PENDING] + found.jobs[JobState.FAILED]
    hint = ": start some with 'queuectl worker start'" if waits else ""
    return Cell("", f"none{hint}", "yellow" if waits else "")


def _durations(duration: Durations) -> str:
    return ", ".join(f"{name} {format_duration(seconds)}" for name, seconds in duration._asdict().items())
