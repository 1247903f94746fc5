"""The pane of every job: any filter, any order."""

from __future__ import annotations

from collections.abc import Sequence
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

    def advice(self) -> Sequence[str]:
        """What to do with an empty queue, or a filter that nothing matches."""
        if not self.vital_known:
            return ()
        if self.filtered:
            return ("No job matches the filter.", "esc shows every job again.")
        if self.session.read_only:
            return ("No job is here yet.", "They come from a shell: queuectl enqueue -- make all")
        return (
            "No job is here yet: n makes one, or in a shell: queuectl enqueue -- make all",
            "Jobs run once there are workers: press 3, then a starts a pool.",
            "? shows every key. To see it all at work: q, then queuectl-tui --demo",
        )

    @property
    def vital_known(self) -> bool:
        """Whether the store has been read: until then nothing is known to be empty."""
        return bool(self.console.vital.jobs)
