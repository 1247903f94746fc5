"""What the lines at the edges of the screen say: header, tabs and footer. Pure: from values to content."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

from textual.content import Content
from textual.style import Style

from queuectl_core.model.cleaning import clean
from queuectl_core.model.job import JobState
from queuectl_tui.actions import PANE_ACTIONS, Action, Place, key_sign
from queuectl_tui.looks.states import STATES
from queuectl_tui.session import Trouble
from queuectl_tui.vital import Vital

_BARS = "▁▂▃▄▅▆▇█"
_ORDER = (
    JobState.PROCESSING,
    JobState.PENDING,
    JobState.COMPLETED,
    JobState.FAILED,
    JobState.DEAD,
    JobState.CANCELLED,
)


def sparkline(values: Sequence[int]) -> str:
    """Bars as high as the values are, next to the highest; the lowest bar for 0."""
    highest = max(values, default=0)
    if not highest:
        return _BARS[0] * len(values)
    return "".join(_BARS[round(value / highest * (len(_BARS) - 1))] for value in values)


def header(vital: Vital, place: str, badge: Content, width: int) -> Content:
    """The first line: where we are, how many jobs are in each state, how fast they end, and whether we are live.

    Where the width does not do for all, the sparkline goes first, then the place, then states that hold none.
    """
    rate = f"{vital.a_second:,.1f}/s"
    for with_sparks, with_place, all_states in (
        (True, True, True),
        (False, True, True),
        (False, False, True),
        (False, False, False),
    ):
        left = Content.assemble(("queuectl", "bold $accent"), (f" {place}" if with_place else "", "$text-muted"))
        middle = _counts(vital, all_states=all_states)
        tail = Content.assemble((rate, "$text-muted"))
        if with_sparks:
            tail = Content.assemble(tail, " ", (sparkline(vital.a_minute), "$accent"))
        right = Content.assemble(tail, "  ", badge)
        room = width - 2 - left.cell_length - middle.cell_length - right.cell_length
        if room >= 4:
            break
    before = max(1, room // 2)
    return Content.assemble(" ", left, " " * before, middle, " " * max(1, room - before), right, " ")


def _counts(vital: Vital, *, all_states: bool) -> Content:
    parts = []
    for state in _ORDER:
        n = vital.jobs.get(state, 0)
        if n or (all_states and state is not JobState.CANCELLED):
            parts.append(Content.styled(f"{STATES[state].sign} {n:,}", f"${STATES[state].colour}"))
    return Content("  ").join(parts)


def short_path(path: str, width: int) -> str:
    """A path with `~` for the home directory, and its middle left out where it is wider than `width` cells."""
    home = os.path.expanduser("~")
    text = clean("~" + path[len(home) :] if home != "/" and path.startswith(home + "/") else path)
    if len(text) <= width:
        return text
    head, _, last = text.rpartition("/")
    return f"{head[: max(1, width - len(last) - 3)]}…/{last}"[:width]


def badge(trouble: Trouble | None, *, read_only: bool, demo: bool) -> Content:
    """Whether what is shown is up to date, or since when it is not."""
    if trouble is not None:
        since = f"{datetime.fromtimestamp(trouble.since / 1000):%H:%M:%S}"
        return Content.styled(f"○ stale since {since}", "bold $error")
    word = "demo" if demo else "read-only" if read_only else "live"
    return Content.styled(f"● {word}", "$success")


def why(trouble: Trouble | None) -> Content | None:
    """What the status line says of a store or a pane that cannot be read; None where there is no trouble."""
    return Content.styled(f"cannot be read: {clean(trouble.why)}", "$error") if trouble is not None else None


PATIENCE_MS = 1000
"""How long a change may wait for the store before it is told."""


def going_on(progress: str, waits_since: int | None, now: int) -> Content | None:
    """What the status line says first: bulk work, or a change that others keep waiting; None for neither. In ms."""
    if waits_since is not None and now - waits_since >= PATIENCE_MS:
        seconds = (now - waits_since) // 1000
        return Content.styled(f"somebody else is writing to the store: a change has waited {seconds} s", "$warning")
    return Content(f"{progress}  ^x stops") if progress else None


def tabs(shown: Place, dead: int, workers: int | None, width: int) -> Content:
    """The second line: the panes with their keys, the one in sight marked."""
    numbers = {Place.DLQ: dead, Place.WORKERS: workers or 0}
    parts = []
    for key, (name, place) in enumerate(PANE_ACTIONS.items(), 1):
        count = f" {numbers[place]:,}" if numbers.get(place) else ""
        style = "bold reverse $accent" if place is shown else ""
        tab = Content.assemble(
            ("" if width < 60 else f" {key} ", style or "$text-muted"),
            (f"{place.value}{count} ", style),
        )
        parts.append(pressable(tab, name))
    return Content("" if width < 60 else " ").join(parts)


def footer(keys: Sequence[Action], width: int) -> Content:
    """The last line: the keys that apply now, as many as there is room for, help always."""
    prime = [action for action in keys if action.prime]
    last = [action for action in prime if action.name == "help"]
    parts: list[Content] = []
    room = width - 1 - sum(_hint(action).cell_length + 2 for action in last)
    for action in prime:
        hint = _hint(action)
        if action in last or hint.cell_length + 2 > room:
            continue
        room -= hint.cell_length + 2
        parts.append(pressable(hint, action.name))
    parts += [pressable(_hint(action), action.name) for action in last]
    return Content.assemble(" ", Content("  ").join(parts))


def _hint(action: Action) -> Content:
    return Content.assemble((key_sign(action.keys[0]), "bold $accent"), " ", (action.label, "$text-muted"))


def pressable(content: Content, name: str) -> Content:
    """Content that does an action when it is clicked."""
    return content.stylize(Style.from_meta({"@click": f"app.press('{name}')"}))
