"""The list of jobs: what it shows, how it moves, what is marked, and how it follows the store."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_core.store.transactions.arrivals import enqueue_rows, row_of
from queuectl_core.store.transactions.changes import delete
from tests.console.consoles import seat
from tests.store.acts import end, put, started
from tests.store.engines import Engine


def three(store: Engine) -> None:
    for name in ("a", "b", "c"):
        put(store, f"echo {name}", id=name)


def many(store: Engine) -> None:
    for n in range(1, 101):
        put(store, f"echo {n}")


def numbers(first: int, last: int) -> list[str]:
    return [str(n) for n in range(first, last - 1, -1)]


async def test_the_newest_job_is_on_top_and_under_the_cursor(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        assert here.table.job is not None
        assert here.table.job.id == "c"
        assert "row 1 of 3" in here.line("status")


async def test_a_job_that_arrives_is_shown_at_once_while_the_list_is_followed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        put(here.store, id="d")
        await here.shows("d", "c", "b", "a")
        assert here.table.cursor == 0


async def test_a_job_that_arrives_stays_out_while_somebody_reads_and_is_counted(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.press("j")
        put(here.store, id="d")
        await here.until(lambda: "1 new above" in here.line("status"), "the new one is counted")
        assert here.ids() == ["c", "b", "a"]
        assert here.table.job is not None
        assert here.table.job.id == "b"
        await here.press("g")
        await here.shows("d", "c", "b", "a")
        assert "new" not in here.line("status")


async def test_a_state_that_changes_is_shown_in_place(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.press("G")
        run = started(here.store)
        end(here.store, run, Outcome.COMPLETED)
        await here.until(lambda: here.table.stretch.jobs[2].state is JobState.COMPLETED, "a is completed")
        assert here.ids() == ["c", "b", "a"]


async def test_the_cursor_stays_with_its_job_when_one_above_it_goes(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("ctrl+d", "ctrl+d")
        under = here.table.job
        assert under is not None
        run = started(here.store)
        end(here.store, run, Outcome.COMPLETED)
        top = here.table.stretch.jobs[0]
        assert top.id == "100"
        await here.press("j", "k")
        assert here.table.job == under


async def test_motions_reach_every_row_and_stop_at_the_ends(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        page = here.table.page
        for key, row in (
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", page), ("pageup", 0),
            ("ctrl+d", page // 2), ("ctrl+u", 0), ("G", 99), ("j", 99), ("g", 0), ("end", 99), ("home", 0),
        ):  # fmt: skip
            await here.press(key)
            assert here.table.cursor == row, key
        await here.press("G")
        await here.until(lambda: here.table.job is not None, "the last row is read")
        assert here.table.job is not None
        assert here.table.job.id == "1"


async def test_every_row_is_there_all_the_way_down_and_up_again(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("g")
        for row in [*range(1, 100), *range(98, -1, -1)]:
            here.listed.action_do("down" if row > here.table.cursor else "up")
            await here.pilot.pause(0)  # until all that this began has been heard; to wait for rest would take seconds
            if here.table.job is None:
                await here.until(lambda: here.table.job is not None, "the row is read")
            assert here.table.job is not None
            assert (here.table.cursor, here.table.job.id) == (row, str(100 - row))


async def test_a_far_jump_by_the_scrollbar_shows_the_very_rows(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("j")
        for top in (50, 10, 60, 37):
            here.table.scroll_to(y=top, animate=False)
            await here.until(lambda: here.table.stretch.covers(top, top + here.table.page), "the rows are read")  # noqa: B023
            job = here.table.stretch.at(top)
            assert job is not None
            assert job.id == str(100 - top)


async def test_marks_move_on_and_freeze_the_rows(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.press("space", "space")
        assert list(here.listed.marks) == [2, 3]
        assert "2 marked" in here.line("status")
        here.store.run(delete_when_done(here.store))
        put(here.store, id="d")
        await here.until(lambda: "1 new above" in here.line("status"), "the new one is counted")
        assert here.ids() == ["c", "b", "a"]
        await here.press("escape")
        assert not here.listed.marks


def delete_when_done(store: Engine):  # type: ignore[no-untyped-def]
    run = started(store)
    end(store, run, Outcome.COMPLETED)
    return delete([run.job.id])


async def test_a_range_is_marked_from_where_it_began_to_where_it_ends(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("j", "v", "j", "j", "v", "j")
        assert list(here.listed.marks) == [97, 98, 99]


async def test_a_range_shrinks_on_the_way_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("space", "j", "v", "j", "j", "k")
        assert list(here.listed.marks) == [97, 98, 100]


async def test_a_range_reaches_over_rows_that_were_never_read(tmp_path: Path) -> None:
    def fill(store: Engine) -> None:
        rows = [row_of(NewJob("true"), "/")] * 2_000
        store.run(enqueue_rows(lambda: [rows], str))

    async with seat(tmp_path, fill=fill) as here:
        await here.press("j", "v", "G")
        await here.until(lambda: len(here.listed.marks) == 1_999, "all of the range are marked")
        assert 2_000 not in here.listed.marks
        await here.press("escape")
        assert not here.listed.marks


async def test_all_that_match_are_marked_without_reading_them(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("asterisk")
        await here.until(lambda: "100 marked" in here.line("status"), "all are marked")
        put(here.store, id="later")
        await here.press("space")
        assert "99 marked" in here.line("status")
        targets = here.listed.targets()
        assert targets is not None
        assert targets.how_many == 99
        await here.press("asterisk")
        assert not here.listed.marks


async def test_an_empty_list_has_no_job_and_every_key_is_harmless(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        await here.press("j", "k", "G", "g", "ctrl+d", "pageup", "space", "v", "asterisk", "r", "D", "enter", "y")
        assert here.table.job is None


async def test_a_long_range_shrinks_on_the_way_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("v", "G")
        await here.until(lambda: len(here.listed.marks) == 100, "all are marked")
        await here.press("k", "k")
        await here.until(lambda: len(here.listed.marks) == 98, "two are not any more")


async def test_a_range_ends_with_the_list_that_it_is_of(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=many) as here:
        await here.press("v", "j", "j", "slash")
        await here.type("state:pending")
        await here.press("enter")
        await here.until(lambda: here.listed.order.filter.states, "the list is another")
        await here.press("j")
        assert not here.listed.marks
