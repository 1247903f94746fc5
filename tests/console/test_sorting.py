"""The order of a list, by key and by mouse, and going to one job wherever it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from queuectl_core.model.errors import NoSuchJob
from queuectl_core.model.filters import Filter
from queuectl_core.model.job import Outcome
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_core.store.transactions.changes import delete
from queuectl_tui.filtering.sorting import by_the_next, sorted_by, turned
from queuectl_tui.listing import listings, order
from queuectl_tui.listing.listings import Gathered
from queuectl_tui.listing.order import Order
from queuectl_tui.session import Session
from tests.console.consoles import seat
from tests.console.filtering import findable, line
from tests.store.acts import end, put, started
from tests.store.engines import Engine


def mixed(store: Engine) -> None:
    """One dead job in `mail`, and three that wait: a to d, the newest last."""
    put(store, "send --to me", id="a", queue="mail", max_retries=0)
    end(store, started(store), Outcome.FAILED, exit_code=3)
    put(store, "make all", id="b", queue="build")
    put(store, "send --to you", id="c", queue="mail", priority=5)
    put(store, "make clean", id="d", queue="build")


def many(store: Engine) -> None:
    for n in range(1, 201):
        put(store, f"echo {n}")


def test_sorting_by_another_column_starts_with_what_is_wanted_most() -> None:
    order = Order()

    assert sorted_by(order, SortColumn.QUEUE) == order._replace(column=SortColumn.QUEUE, descending=False)
    assert sorted_by(order, SortColumn.PRIORITY) == order._replace(column=SortColumn.PRIORITY, descending=True)
    assert sorted_by(order, SortColumn.ID) == turned(order)
    assert by_the_next(order, [SortColumn.ID, SortColumn.QUEUE]).column is SortColumn.QUEUE
    assert by_the_next(order._replace(column=SortColumn.QUEUE), [SortColumn.ID, SortColumn.QUEUE]) == order
    assert by_the_next(order._replace(column=SortColumn.EXIT), [SortColumn.QUEUE]).column is SortColumn.QUEUE
    assert by_the_next(order, []) is order


async def test_s_sorts_by_the_next_column_and_o_turns_the_order(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.press("s")
        await here.until(lambda: here.table.sorted_by == (SortColumn.STATE, False), "sorted by state")
        await here.press("s")
        await here.shows("b", "d", "a", "c")
        await here.press("o")
        await here.until(lambda: here.table.sorted_by == (SortColumn.QUEUE, True), "turned around")
        assert {here.ids()[0], here.ids()[1]} == {"a", "c"}


async def test_keys_pressed_faster_than_lists_are_read_all_count(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        columns = here.table.sortable
        for _ in range(len(columns) + 2):
            here.listed.action_do("sort")
        await here.until(lambda: here.table.sorted_by[0] is columns[2], "sorted by the third")


async def test_a_click_on_a_title_sorts_by_it_and_another_turns_it(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.pilot.click("JobTable", offset=(3, 0))
        await here.shows("a", "b", "c", "d")
        await here.pilot.click("JobTable", offset=(3, 0))
        await here.shows("d", "c", "b", "a")


async def test_too_many_to_sort_is_told_and_all_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuectl_tui.listing.order.MOST_SORTED", 3)
    async with seat(tmp_path, fill=mixed) as here:
        await here.press("space", "s")
        await here.told_of("too many to sort by state")
        assert here.ids() == ["d", "c", "b", "a"]
        assert here.table.sorted_by == (SortColumn.ID, True)
        assert len(here.listed.marks) == 1
        await here.type("/queue:mail")
        await here.press("enter")
        await here.shows("c", "a")
        await here.press("s")
        await here.until(lambda: here.table.sorted_by[0] is SortColumn.STATE, "sorted now")
        # A wider filter cannot be had in this order: it is told in place, and the line stays.
        await here.type("/")
        await here.press("ctrl+u", "enter")
        await here.until(lambda: "too many to sort" in line(here)[1], "told in place")
        assert findable(here).filter_line.editing
        await here.press("escape")
        await here.shows("c", "a")


async def test_too_many_that_were_looked_for_are_told_and_listed_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuectl_tui.listing.order.MOST_SORTED", 1)
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/send")
        await here.press("enter")
        await here.shows("c", "a")
        await here.press("s")
        await here.told_of("2 jobs are too many to sort by state")
        await here.shows("c", "a")
        assert here.table.sorted_by == (SortColumn.ID, True)


async def test_too_many_that_have_come_since_are_told_and_listed_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queuectl_tui.listing.order.MOST_SORTED", 2)
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/send")
        await here.press("enter", "s")
        await here.until(lambda: here.table.sorted_by[0] is SortColumn.STATE, "sorted by state")
        put(here.store, "send --to them", id="e")
        await here.told_of("3 jobs are too many to sort by state")
        await here.shows("e", "c", "a")
        assert here.table.sorted_by == (SortColumn.ID, True)


async def test_what_comes_while_a_list_is_still_gathered_is_taken_in_once_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, as_usual = asyncio.Event(), order._scanned

    async def held_at_the_end(session: Session, wanted: Filter, told: order.Told) -> AsyncIterator[Sequence[int]]:
        async for portion in as_usual(session, wanted, told):
            yield portion
        await go_on.wait()

    monkeypatch.setattr(order, "_scanned", held_at_the_end)
    monkeypatch.setattr(listings, "DUTY", 0)  # it was held for long, and would be looked for as much later
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/send")
        await here.press("enter")
        await here.shows("c", "a")
        put(here.store, "send --to them", id="e")
        listing = findable(here)._listing
        assert isinstance(listing, Gathered)
        await here.until(lambda: listing._missed, "it was looked for in vain")
        go_on.set()
        await here.shows("e", "c", "a")


# ------------------------------------------------------------------ going to a job


@pytest.mark.parametrize("job_id", ["200", "180", "100", "1"])
async def test_the_cursor_goes_to_a_job_wherever_it_is(tmp_path: Path, job_id: str) -> None:
    async with seat(tmp_path, fill=many) as here:
        await findable(here).go_to(job_id)
        await here.until(lambda: here.table.job is not None and here.table.job.id == job_id, "the cursor is there")
        row = 200 - int(job_id)
        assert here.table.cursor == row
        await here.until(lambda: here.table.top <= row < here.table.top + here.table.page, "it is in sight")
        assert here.table.stretch.exact


async def test_a_filter_that_hides_the_job_is_left(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/make")
        await here.press("enter")
        await here.shows("d", "b")
        await findable(here).go_to("a")
        await here.shows("d", "c", "b", "a")
        assert here.table.cursor == 3
        assert not findable(here).filter_line.display


async def test_a_job_that_is_gone_is_no_place_to_go(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        here.store.run(delete(["a"]))
        with pytest.raises(NoSuchJob):
            await findable(here).go_to("a")
