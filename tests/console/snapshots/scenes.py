"""What there are pictures of: by which keys one gets there, and how one sees that each has done its work."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from queuectl_tui.actions import Place
from queuectl_tui.app import QueueConsole
from queuectl_tui.forms.form import JobForm
from queuectl_tui.help.screen import HelpScreen
from queuectl_tui.metrics.pane import MetricsPane
from queuectl_tui.panes.browser import Browser
from queuectl_tui.panes.dlq import DlqPane
from queuectl_tui.panes.table_pane import TablePane

There = Callable[[QueueConsole], object]
"""Whether the console has come where it should."""

SIZES = ((80, 24), (160, 48))
"""Columns and rows: the smallest that everything has to fit, and one where list and detail stand side by side."""


class Step(NamedTuple):
    """A key, and what is true once it has done its work."""

    key: str
    there: There


class Scene(NamedTuple):
    """The steps to a picture; `everywhere` says that there is one of an empty store, too."""

    name: str
    steps: tuple[Step, ...]
    everywhere: bool = False


def has_read(app: QueueConsole) -> bool:
    """Whether the pane in sight shows what the store holds."""
    match app.pane:
        case Browser() as pane:
            return pane._listing is not None and not pane._reading.locked()
        case TablePane() as pane:
            return bool(pane._said)
        case MetricsPane() as pane:
            return pane._drawn is not None
    raise AssertionError(f"a pane of which nothing is known here: {app.pane}")


def _pane(key: str, place: Place) -> Step:
    return Step(key, lambda app: app.shown is place and app.focused is not None and has_read(app))


def _row(key: str, row: int) -> Step:
    return Step(key, lambda app: isinstance(app.pane, Browser) and app.pane.cursor == row and app.pane.job)


def _by_cause(app: QueueConsole) -> object:
    return isinstance(app.pane, DlqPane) and app.pane.by_cause


def _in_detail(app: QueueConsole) -> object:
    return isinstance(app.pane, Browser) and app.pane.detail and app.pane.detail._shown


DLQ = _pane("2", Place.DLQ)

SCENES = (
    Scene("jobs", (), everywhere=True),
    Scene("dlq", (DLQ,), everywhere=True),
    Scene("dlq-by-cause", (DLQ, Step("b", _by_cause)), everywhere=True),
    Scene("workers", (_pane("3", Place.WORKERS),), everywhere=True),
    Scene("config", (_pane("4", Place.CONFIG),), everywhere=True),
    Scene("metrics", (_pane("5", Place.METRICS),), everywhere=True),
    Scene("detail", (DLQ, _row("j", 1), _row("j", 2), _row("j", 3), Step("enter", _in_detail))),
    Scene("help", (Step("question_mark", lambda app: isinstance(app.screen, HelpScreen)),)),
    Scene("new-job", (Step("n", lambda app: isinstance(app.screen, JobForm) and app.focused),)),
)
