"""Where the log file of a run is: in this home, or on the host that ran it.

Every home that shares a queue has `logs/` of its own, and a file in it may have the number of a job that ran elsewhere.
So the file of a run is looked for in this home alone, and only where the run was.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from queuectl_core.execution.logs import open_log, read_end
from queuectl_core.model.cleaning import clean
from queuectl_core.model.job import Outcome
from queuectl_core.store.home import Home
from queuectl_core.store.site import place_of
from queuectl_core.store.transactions.jobs import StoredOutput


class Elsewhere(NamedTuple):
    """The log of a run in another home; without `host` where nobody noted which."""

    host: str
    path: str

    @property
    def whole(self) -> str:
        """Where all of it is, in words."""
        if not self.host:
            return "the whole log is where the run was before this queue moved here"
        return f"the whole log is on {self.host} in {self.path}"

    @property
    def goes_on(self) -> str:
        """What is to be said while the run goes on."""
        return f"it runs on {self.host or 'another host'}: its output is stored when it has ended"


def elsewhere(home: Home, number: int, attempt: int, stored: StoredOutput) -> Elsewhere | None:
    """Where the log of a run is, unless in this home."""
    if home.url is None or stored.place == place_of(home):
        return None
    if stored.place is None:
        if stored.outcome is None:
            return None  # There is no such run any more.
        return None if _is_here(home, number, attempt, stored) else Elsewhere("", "")
    host, _, path = stored.place.partition(":")
    return Elsewhere(clean(host), clean(Home(path).log(number, attempt)))


def _is_here(home: Home, number: int, attempt: int, stored: StoredOutput) -> bool:
    """Whether a file of this home is the log of a run that came with an import: as long, and with the same end."""
    if stored.size is None or not stored.tail:
        return False
    try:
        log = open_log(home.log(number, attempt))
    except OSError:
        return False
    try:
        return read_end(log, len(stored.tail)) == (stored.size, stored.tail)
    finally:
        os.close(log)


def is_whole(stored: StoredOutput) -> bool:
    """Whether the stored end of an output is all of it; how much a run wrote that was lost with its host is unknown."""
    if stored.outcome is Outcome.LOST and not stored.tail:
        return False
    return stored.size is not None and len(stored.tail) >= stored.size
