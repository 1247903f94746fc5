"""The order of a list: by which column, in which direction, what comes next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.listing.order import Order

RISING = frozenset((SortColumn.STATE, SortColumn.QUEUE, SortColumn.DUE, SortColumn.COMMAND))
"""Columns that are sorted upwards first: names, and what is due next. In the others the newest or most is wanted."""


def sorted_by(order: Order, column: SortColumn) -> Order:
    """The order by this column; turned around where it is sorted so already."""
    if order.column is column:
        return turned(order)
    return order._replace(column=column, descending=column not in RISING)


def turned(order: Order) -> Order:
    """The other way around."""
    return order._replace(descending=not order.descending)


def by_the_next(order: Order, columns: Sequence[SortColumn]) -> Order:
    """By the column after the present one among those in sight; by the first where that one is not in sight."""
    once = list(dict.fromkeys(columns))
    if not once:
        return order
    place = once.index(order.column) + 1 if order.column in once else 0
    column = once[place % len(once)]
    return order._replace(column=column, descending=column not in RISING)
