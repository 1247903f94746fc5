"""What the list shows and in which order, and which kind of listing that makes. No widgets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from queuectl_core.model.errors import Refused
from queuectl_core.model.filters import Filter
from queuectl_core.store.transactions import browsing
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_core.store.transactions.jobs import BEYOND_ALL
from queuectl_tui.listing.listings import Gather, Gathered, Listing, Walked
from queuectl_tui.listing.rows import Stretch
from queuectl_tui.listing.walks import ByDeath, ByNumber
from queuectl_tui.session import Session

MOST_SORTED = 50_000
"""How many jobs are put into an order that has no index."""


class Order(NamedTuple):
    """A filter, a column to sort by and the direction; `by_death` is the order of the DLQ."""

    filter: Filter = Filter()
    column: SortColumn = SortColumn.ID
    descending: bool = True
    by_death: bool = False

    @property
    def walks(self) -> bool:
        """Whether the store can walk it, however many match."""
        natural = SortColumn.ENDED if self.by_death else SortColumn.ID
        only_way = self.descending or not self.by_death
        return not self.filter.needs_scan and self.column is natural and only_way

    @property
    def newest_on_top(self) -> bool:
        """Whether jobs that arrive come in at the top, so that the list has to be frozen under a reader."""
        return self.walks and self.descending


Told = Callable[[int, int], None]
"""Is told how many jobs were looked at, and of how many."""


async def listing_of(
    session: Session, order: Order, until: int, shown: Callable[[], Awaitable[None]], told: Told
) -> Listing:
    """The listing of an order; `until` is the number, or the instant of death, above which nothing is shown.

    Raises Refused where more match than can be sorted so; what has to be looked for may do so while it is gathered.
    """
    if order.walks:
        if order.by_death:
            return Walked(ByDeath(session, order.filter, until=until))
        return Walked(ByNumber(session, order.filter, newest_first=order.descending, until=until))
    await _refuse_too_many(session, order)
    return Gathered(session, _gather(session, order, told), shown)


async def first_rows(session: Session, order: Order, rows: int) -> Stretch:
    """The first rows of an order that the store can walk."""
    return await Walked(ByNumber(session, order.filter, newest_first=order.descending)).around(Stretch(), 0, rows)


def _gather(session: Session, order: Order, told: Told) -> Gather:
    in_order_as_found = order.column is SortColumn.ID and order.descending

    async def sorted_by_column() -> AsyncIterator[Sequence[int]]:
        numbers = [number async for portion in _scanned(session, order.filter, told) for number in portion]
        yield await sorted_so(session, order, numbers)

    def as_found() -> AsyncIterator[Sequence[int]]:
        return _scanned(session, order.filter, told)

    return as_found if in_order_as_found else sorted_by_column


async def sorted_so(session: Session, order: Order, numbers: Sequence[int]) -> Sequence[int]:
    """The numbers, of which the newest is first, in the order. Raises Refused where they are too many."""
    if order.column is SortColumn.ID:
        return numbers if order.descending else numbers[::-1]
    _refuse_more(len(numbers), order)
    return await session.read(browsing.sort_numbers(numbers, order.column, order.descending))


async def _scanned(session: Session, wanted: Filter, told: Told) -> AsyncIterator[list[int]]:
    """The numbers of the jobs that match, the newest first, in portions that keep nobody waiting."""
    total = await session.read(browsing.scan_total(wanted))
    visited, before = 0, BEYOND_ALL
    while True:
        found = await session.read(browsing.scan(wanted, before=before))
        visited += found.visited
        told(visited, total)
        yield found.numbers
        if found.next_before is None:
            return
        before = found.next_before


async def _refuse_too_many(session: Session, order: Order) -> None:
    if order.column is SortColumn.ID or order.filter.needs_scan:
        return
    n = await session.read(browsing.count(order.filter))
    _refuse_more(n or 0, order)


def _refuse_more(n: int, order: Order) -> None:
    if n > MOST_SORTED:
        raise Refused(
            f"{n:,} jobs are too many to sort by {order.column.value}",
            f"narrow the list with / to {MOST_SORTED:,} or fewer",
        )
