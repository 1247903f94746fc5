"""Whether announcements of new jobs come to who listens as a pool does: apart, since this needs the driver."""

from __future__ import annotations

from contextlib import closing
from enum import StrEnum

from queuectl_core.store.postgres.address import Address
from queuectl_core.store.postgres.connecting import BACKEND, Bounded, arguments, is_pooled
from queuectl_core.store.postgres.faults import translating

HEARING_SECONDS = 1.0
"""How long an announcement may take to come to who listens; it takes milliseconds where it comes at all."""

_PROBE = "queuectl_doctor"
"""A channel that no store announces anything in, so that nobody is woken."""


class Way(StrEnum):
    """How announcements come to a pool: from the server itself, through or past what is in between, or not at all."""

    DIRECT = "direct"
    PAST = "past"
    NONE = "none"


def announcements(address: Address) -> Way:
    """How announcements come to who listens as a pool does; they are tried where a pooler, or `listen`, is in play.

    Raises a StoreError.
    """
    with translating(address.shown), closing(_connected(address.conninfo, address)) as here:
        [(backend,)] = here.execute(BACKEND).fetchall()
        if not is_pooled(here, backend) and address.direct == address.conninfo:
            return Way.DIRECT
        with closing(_connected(address.direct, address)) as there:
            there.execute(f'LISTEN "{_PROBE}"')
            here.execute(f'NOTIFY "{_PROBE}"')
            came = any(there.notifies(timeout=HEARING_SECONDS, stop_after=1))
    return Way.PAST if came else Way.NONE


def _connected(conninfo: str, address: Address) -> Bounded:
    return Bounded.connect(conninfo, **arguments(address))
