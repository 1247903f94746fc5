"""Orders that the store can walk from any row, both ways, at the same cost at any size. One class an order."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import Job
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_tui.session import Session

Key = TypeVar("Key")

Death = tuple[int, int]
"""When a job died (ms) and its number: the place of a dead job in the order of deaths."""


class Walk(Protocol, Generic[Key]):
    """An order of jobs. Rows are always answered in list order; `forward` goes down the list."""

    start: Key
    end: Key

    async def total(self) -> int:
        """How many jobs the list has."""
        ...

    async def beyond(self, key: Key, limit: int, *, forward: bool) -> list[Job]:
        """Up to `limit` jobs next to `key`, itself left out."""
        ...

    async def skip(self, key: Key, rows: int, *, forward: bool) -> Key | None:
        """The key `rows` rows from `key`; None where the list ends before."""
        ...

    async def rank(self, job: Job, limit: int) -> int | None:
        """How many rows stand before the job; None where more than `limit`."""
        ...

    def key(self, job: Job) -> Key:
        """The place of a job."""
        ...

    def before(self, job: Job) -> Key:
        """A place just before a job: going forward from it begins with the job."""
        ...


class ByNumber:
    """Jobs by number, the newest first or last; none above `until`, the latest there was when the list was frozen."""

    def __init__(self, session: Session, wanted: Filter, *, newest_first: bool, until: int = BEYOND_ALL) -> None:
        self._session, self._filter, self._newest_first, self._until = session, wanted, newest_first, until
        self.start, self.end = (BEYOND_ALL, -1) if newest_first else (-1, BEYOND_ALL)

    async def total(self) -> int:
        """How many match; those that came since the list was frozen are left out."""
        n = await self._session.read(browsing.count(self._filter)) or 0
        if self._until < BEYOND_ALL:
            n -= await self._session.read(browsing.newer_than(self._filter, self._until, BEYOND_ALL))
        return max(0, n)

    async def beyond(self, key: int, limit: int, *, forward: bool) -> list[Job]:
        """As `Walk.beyond`."""
        down = forward is self._newest_first
        rows = await self._session.read(
            browsing.window(self._filter, after=key, newest_first=down, limit=limit, until=self._until)
        )
        return rows if forward else rows[::-1]

    async def skip(self, key: int, rows: int, *, forward: bool) -> int | None:
        """As `Walk.skip`."""
        down = forward is self._newest_first
        return await self._session.read(
            browsing.offset(self._filter, after=key, newest_first=down, skip=rows, until=self._until)
        )

    async def rank(self, job: Job, limit: int) -> int | None:
        """As `Walk.rank`."""
        return await self._session.read(
            browsing.rank(
                self._filter, number=job.number, newest_first=self._newest_first, until=self._until, limit=limit
            )
        )

    def key(self, job: Job) -> int:
        """Its number."""
        return job.number

    def before(self, job: Job) -> int:
        """The number next to it."""
        return job.number + 1 if self._newest_first else job.number - 1


class ByDeath:
    """Dead jobs, the latest to die first; none that died after `until` (ms), when the list was frozen."""

    start: Death = (BEYOND_ALL, BEYOND_ALL)
    end: Death = (-1, -1)

    def __init__(self, session: Session, wanted: Filter, *, until: int = BEYOND_ALL) -> None:
        self._session, self._filter, self._until = session, wanted, until

    async def total(self) -> int:
        """How many dead jobs match; those that died since the list was frozen are left out."""
        n = await self._session.read(browsing.count(self._filter)) or 0
        if self._until < BEYOND_ALL:
            n -= await self._session.read(browsing.deaths_after(self._filter, self._until, BEYOND_ALL))
        return max(0, n)

    async def beyond(self, key: Death, limit: int, *, forward: bool) -> list[Job]:
        """As `Walk.beyond`."""
        rows = await self._session.read(
            browsing.dead_window(self._filter, after=key, newest_first=forward, limit=limit, until_finished=self._until)
        )
        return rows if forward else rows[::-1]

    async def skip(self, key: Death, rows: int, *, forward: bool) -> Death | None:
        """As `Walk.skip`; by reading the rows, since dead jobs are few."""
        while rows > 0:
            found = await self.beyond(key, min(rows, 500), forward=forward)
            if not found:
                return None
            key = self.key(found[-1] if forward else found[0])
            rows -= len(found)
        return key

    async def rank(self, job: Job, limit: int) -> int | None:
        """As `Walk.rank`."""
        rank, key = 0, self.key(job)
        while rank <= limit:
            found = await self.beyond(key, 500, forward=False)
            rank += len(found)
            if len(found) < 500:
                return rank
            key = self.key(found[0])
        return None

    def key(self, job: Job) -> Death:
        """When it died."""
        return job.finished_at or 0, job.number

    def before(self, job: Job) -> Death:
        """A place that died no earlier and stands before it."""
        return job.finished_at or 0, job.number + 1
