"""How a state is shown: a sign, a word and a colour, so that colour never says it alone."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.job import JobState, Outcome


class Look(NamedTuple):
    """A sign, and the name of the theme's colour it is drawn in."""

    sign: str
    colour: str


STATES: dict[JobState, Look] = {
    JobState.PENDING: Look("·", "state-pending"),
    JobState.PROCESSING: Look("▶", "state-processing"),
    JobState.COMPLETED: Look("✓", "state-completed"),
    JobState.FAILED: Look("!", "state-failed"),
    JobState.DEAD: Look("✗", "state-dead"),
    JobState.CANCELLED: Look("-", "state-cancelled"),
}

OUTCOMES: dict[Outcome | None, Look] = {
    None: Look("▶", "state-processing"),
    Outcome.COMPLETED: Look("✓", "state-completed"),
    Outcome.FAILED: Look("✗", "state-dead"),
    Outcome.TIMED_OUT: Look("✗", "state-dead"),
    Outcome.CANCELLED: Look("-", "state-cancelled"),
    Outcome.RELEASED: Look("↩", "state-failed"),
    Outcome.LOST: Look("?", "state-dead"),
}
"""How a run ended; None is one that goes on."""
