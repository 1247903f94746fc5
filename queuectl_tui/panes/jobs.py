"""The pane of every job: any filter, any order."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from queuectl_tui.actions import Place
from queuectl_tui.bindings import bindings_for
from queuectl_tui.listing.columns import JOBS
from queuectl_tui.panes.browser import Browser


class JobsPane(Browser):
    """Every job, the newest first unless told otherwise."""

    PLACE = Place.JOBS
    COLUMNS = JOBS
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(Place.JOBS)
