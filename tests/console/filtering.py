"""Looking at the filter line of a console, for tests."""

from __future__ import annotations

from textual.widgets import Static

from queuectl_tui.filtering.finding import Findable
from tests.console.consoles import Seat


def findable(here: Seat) -> Findable:
    assert isinstance(here.listed, Findable)
    return here.listed


def line(here: Seat) -> tuple[str, str]:
    """The filter, and what is said of it."""
    filter_line = findable(here).filter_line
    said = filter_line.query_one(".said" if filter_line.editing else ".hint", Static)
    return filter_line.input.value, str(said.render())
