"""How the notes of counts and roll-ups are added up, and how long it is remembered which changes were made."""

from __future__ import annotations

from queuectl_core.store.postgres.requests import KEEP_REQUESTS_MS
from queuectl_core.store.statements import Statement, Steps, work

FORGET_SECONDS = 60
"""How often older ones are looked for, among all that were made since."""


@work
def fold(forgets: bool = True) -> Steps[bool]:
    """Add up what was noted of counts and roll-ups; False where another is at it."""
    [(alone,)] = yield Statement("fold_alone", {"what": "queuectl counts"})
    if not alone:
        return False
    for name in ("fold_counts", "fold_minutes", "fold_buckets"):
        yield Statement(name)
    if forgets:
        yield Statement("forget_requests", {"age_ms": KEEP_REQUESTS_MS})
    return True
