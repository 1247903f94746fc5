"""What the blocking and the awaited store decide alike: how long to pause, what to announce, whether to go again.

Nothing here speaks to a server.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from queuectl_core.model.errors import OutcomeUnknown
from queuectl_core.store.statements import Play, Transaction, Wake

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two tries, at first and at most."""

MOST_CLASHES = 50
"""How often a transaction is begun again because others changed the same; it goes well at last, or there is a fault."""

MOST_ANNOUNCED = 7000
"""Bytes of an announcement; PostgreSQL takes 8,000. A longer one says that everybody is meant."""

FOLD_ONE_IN = 64
"""A change that a person made folds the notes of counts now and then, where no pool does."""

KEEP_REQUESTS_MS = 10 * 60 * 1000
"""How long it is known on the server which changes were made, for those to whom the answer never came."""

ASK_SECONDS = 8 * 60
"""For how long one may ask whether a change was made: that the question takes a while, too, is in it."""

MOST_UNSETTLED = 16
"""How many changes without an answer are remembered: whoever means to settle one comes back to it soon."""


class Unsettled(NamedTuple):
    """A change that was perhaps made: the answer to its commit never came."""

    transaction: Transaction[Any]
    key: bytes
    play: Play[Any]
    since_ns: int
    """When its commit was sent, on the clock that goes on while the machine is suspended."""

    @property
    def is_forgotten(self) -> bool:
        """Whether the server may know no more that it was made."""
        return since_boot_ns() - self.since_ns > ASK_SECONDS * 1_000_000_000


def since_boot_ns() -> int:
    """Nanoseconds on a clock that nobody sets, and that goes on while the machine is suspended."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Unanswered:
    """The latest changes that were perhaps made, each until it is settled; others are run in between."""

    def __init__(self) -> None:
        self._changes: deque[Unsettled] = deque(maxlen=MOST_UNSETTLED)

    def of(self, transaction: Transaction[Any]) -> Unsettled | None:
        """What is known of this very transaction; None where nothing is open."""
        return next((one for one in self._changes if one.transaction is transaction), None)

    def key_for(self, transaction: Transaction[Any]) -> bytes:
        """The key to run this very transaction by. Raises OutcomeUnknown where its answer was lost too long ago."""
        known = self.of(transaction)
        if known is None:
            return fresh_key()
        if known.is_forgotten:
            raise OutcomeUnknown("nobody knows any more what became of a change: the server was silent for too long")
        return known.key

    def add(self, change: Unsettled) -> None:
        """Remember a change, in place of what was known of it."""
        self.settle(change.transaction)
        self._changes.append(change)

    def settle(self, transaction: Transaction[Any]) -> None:
        """Forget a transaction: it is known by now what became of it."""
        if (known := self.of(transaction)) is not None:
            self._changes.remove(known)


def pauses() -> Iterator[float]:
    """How long (s) to wait before each new try: longer and longer, and not all at the same instant."""
    pause = FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.5)
        pause = min(pause * 2, LONGEST_PAUSE)


def fresh_key() -> bytes:
    """A key that no change had before."""
    return os.urandom(16)


def channel(schema: str) -> str:
    """Where changes of the store in this schema are announced."""
    return f"{schema}_changes"[:63]


def announced(wakes: Iterable[Wake]) -> str:
    """Whom a change wakes, as text."""
    together = _merged(wakes)
    text = json.dumps([sorted(part) for part in together])
    return text if len(text.encode()) <= MOST_ANNOUNCED else ""


def understood(text: str) -> Wake | None:
    """Whom an announcement wakes; None for everybody."""
    try:
        return Wake(*(frozenset(map(str, part)) for part in json.loads(text)))
    except (ValueError, TypeError):
        return None


def _merged(wakes: Iterable[Wake]) -> Wake:
    merged = Wake()
    for wake in wakes:
        merged = Wake(merged.queues | wake.queues, merged.workers | wake.workers, merged.pools | wake.pools)
    return merged
