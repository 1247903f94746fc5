"""Looking at the filter line of a console, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

import pytest
from textual.widgets import Static

from queuectl_core.model.filters import Filter
from queuectl_tui.filtering.finding import Findable
from queuectl_tui.listing import order
from queuectl_tui.listing.order import Told
from queuectl_tui.session import Session
from tests.console.consoles import Seat


def findable(here: Seat) -> Findable:
    assert isinstance(here.listed, Findable)
    return here.listed


def line(here: Seat) -> tuple[str, str]:
    """The filter, and what is said of it."""
    filter_line = findable(here).filter_line
    said = filter_line.query_one(".said" if filter_line.editing else ".hint", Static)
    return filter_line.input.value, str(said.render())


@contextmanager
def gathering_held(monkeypatch: pytest.MonkeyPatch) -> Iterator[asyncio.Event]:
    """Lists are gathered only once the event is set."""
    go_on = asyncio.Event()

    async def scanned(session: Session, wanted: Filter, told: Told) -> AsyncIterator[Sequence[int]]:
        await go_on.wait()
        async for portion in as_usual(session, wanted, told):
            yield portion

    as_usual = order._scanned
    with monkeypatch.context() as patch:
        patch.setattr(order, "_scanned", scanned)
        yield go_on
