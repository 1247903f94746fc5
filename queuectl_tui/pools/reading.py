"""Who is on the roster, what they run, and what the kernel says of them: read without holding anybody up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from queuectl_core.execution.locks import alive
from queuectl_core.execution.roster import Signs, WorkerView, signs, views_of
from queuectl_core.store.home import Home
from queuectl_core.store.transactions.claims import Held, processing
from queuectl_core.store.transactions.workers import Pool, Roster, roster
from queuectl_tui.session import Session


class Crew(NamedTuple):
    """Pools and workers, as the store and the kernel know them."""

    known: Roster = Roster([], [])
    held: Sequence[Held] = ()
    signs: Signs = Signs()
    views: Sequence[WorkerView] = ()
    """The workers as people see them."""

    def pool(self, pool: str) -> Pool | None:
        """A pool of the roster by its id."""
        return next((found for found in self.known.pools if found.id == pool), None)

    def members(self, pool: str) -> list[WorkerView]:
        """The workers of a pool."""
        return [view for view in self.views if view.pool == pool]

    def running(self, pool: str) -> int:
        """How many jobs a pool runs now."""
        return sum(view.job is not None and view.id in self.signs.living for view in self.members(pool))


async def read_crew(session: Session) -> Crew:
    """Everybody, as things are now. Raises a StoreError where the store cannot be read."""
    known = await session.read(roster())
    held = await session.read(processing())
    return await look_again(session.home, Crew(known, held))


async def look_again(home: Home, crew: Crew) -> Crew:
    """The same pools and workers, with who of them is alive now: a death or a stop changes no store."""
    found = await asyncio.to_thread(signs, home, crew.known)
    return crew._replace(signs=found, views=views_of(crew.known, crew.held, found))


async def living(home: Home) -> frozenset[str]:
    """The names of all pools and workers that are alive, as `queuectl_core.execution.locks.alive`."""
    return await asyncio.to_thread(alive, home)


async def count_hands(session: Session) -> int:
    """How many workers are alive, on all hosts. Raises a StoreError where the store must be asked, and cannot be."""
    if session.home.url is None:
        return workers_among(await living(session.home))
    known = await session.read(roster())
    return workers_among((await asyncio.to_thread(signs, session.home, known)).living)


def workers_among(names: frozenset[str], pool: str | None = None) -> int:
    """How many of these names are those of workers, or of workers of one pool."""
    return sum("-" in name and (pool is None or name.startswith(f"{pool}-")) for name in names)
