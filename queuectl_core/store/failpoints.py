"""Named instants between two steps that must survive a crash, for tests to strike at.

Each is a call of `reached`, which does nothing. No setting, variable or option changes that: a test that wants a
process to die there replaces the function, in a program of its own.
"""

from __future__ import annotations

from enum import StrEnum


class Failpoint(StrEnum):
    """The instants; what is passed along with each stands in parentheses."""

    BEFORE_COMMIT = "before a commit"
    """All of a transaction is written, nothing of it is committed (the transaction, and what it will return)."""
    AFTER_COMMIT = "after a commit"
    """It is committed, and nobody knows yet (the same)."""
    SPAWNED = "after a spawn"
    """A command runs, and its pid is noted nowhere (the pid, the token of the run)."""
    EXITED = "after an exit"
    """A command has ended and was collected; its result is noted nowhere."""
    RECOVERING = "inside a recovery"
    """Nothing is left of a lost run, and its job is not given on yet."""
    RECOVERED = "after a recovery"
    """Lost jobs are given on, and the dead are still on the roster."""
    CHECKPOINTING = "inside a checkpoint"
    """Writers are kept out, and the log is about to be copied."""
    CHECKPOINTED = "after a checkpoint"
    """The log is copied, and writers are still kept out."""
    BACKING_UP = "inside a backup"
    """The copy that precedes a migration is made, and does not bear its name yet."""
    MIGRATING = "inside a migration"
    """One step is applied and marked, and not committed."""
    MIGRATED = "after a migration step"
    """One step is committed, and perhaps not the last."""


def reached(point: Failpoint, *subject: object) -> None:
    """Do nothing, at an instant that has a name."""
