"""The lease of a worker or keeper on a queue that several hosts share: others rely on it while it is heard of.

Who was not heard of for a whole lease loses its jobs. So whoever cannot renew its own ends what it runs after two
thirds of it, and has it gone before the rest is over: "self-fencing". The instants here are of this machine's own
clock, which goes on while it is suspended, and of before the renewal was sent; the server's are later.

Where the jobs are in the home's own files there is nothing to renew.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from queuectl_core.execution.processes import boot_clock_ns
from queuectl_core.model.settings import Settings

FENCE = 2 / 3
"""The part of a lease after which what runs is to end, where it could not be renewed."""

GONE = 5 / 6
"""The part after which it is killed."""

BEATS = 4
"""How often, at the least, a lease is renewed in its time, however long the heartbeat."""


class Lease:
    """A lease that is renewed by `beat`; `renew` says whether we are still on the roster, and raises a StoreError."""

    def __init__(self, site: str, values: Settings, renew: Callable[[], bool]) -> None:
        self._renew = renew
        self._shared = bool(site)
        self.lost = False
        """Whether others were told that we are gone."""
        self.adopt(values)
        self.begin()

    def adopt(self, values: Settings) -> None:
        """Go by these settings from the next renewal on."""
        self._seconds = values.lease if self._shared else math.inf
        self._heartbeat = min(values.heartbeat, values.lease / BEATS) if self._shared else math.inf

    def begin(self) -> None:
        """Count from now on: called just before one registers."""
        self._heard_at = self._tried_at = _now()
        self._promised = self._seconds
        self.lost = False

    @property
    def lease_ms(self) -> int:
        """For how long others are to rely on us from the next renewal on; 0 where nobody has to."""
        return round(self._seconds * 1000) if self._shared else 0

    @property
    def heartbeat(self) -> float:
        """Seconds between two renewals."""
        return self._heartbeat

    @property
    def patience(self) -> float:
        """Seconds that one look at the store may take while something runs."""
        return self._promised / 8

    @property
    def left(self) -> float:
        """Seconds until what runs has to end."""
        return self._heard_at + self._promised * FENCE - _now()

    @property
    def over(self) -> bool:
        """Whether we may not go on: it is lost, or could not be renewed for too long."""
        return self.lost or (self._shared and self.left <= 0)

    @property
    def until_gone(self) -> float:
        """Seconds until what runs must have been killed; at least 0."""
        return 0.0 if self.lost else max(0.0, self._heard_at + self._promised * GONE - _now())

    @property
    def due(self) -> bool:
        """Whether it is time to renew it, or to try again."""
        return self._shared and not self.lost and _now() - self._tried_at >= self._heartbeat

    def beat(self) -> None:
        """Renew it. Raises a StoreError."""
        now, promised = _now(), self._seconds
        self._tried_at = now
        if self._renew():
            self._heard_at, self._promised = now, promised
        else:
            self.lost = True


def _now() -> float:
    return boot_clock_ns() / 1e9
