"""The pane of the settings: what it shows, editing in place, and whether running workers have taken a change up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_core.execution.liveness import Hold
from queuectl_core.model.settings import SETTINGS
from queuectl_core.store.transactions.settings import settings
from queuectl_core.store.transactions.workers import register_pool, register_worker, worker_took_settings
from queuectl_tui.actions import BY_NAME, Place
from queuectl_tui.widgets.prompt import Prompt
from tests.console.live import Live, live, live_queue
from tests.execution.pools import LiveQueue


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LiveQueue]:
    """A queue that may have real pools."""
    with live_queue(tmp_path) as found:
        yield found


def texts(queue: LiveQueue) -> dict[str, str]:
    return queue.run(settings()).texts


async def to_row(at: Live, key: str) -> None:
    await at.press("g", *["j"] * list(SETTINGS).index(key))
    assert at.pane.table.row is not None
    assert at.pane.table.row.key == key


async def edit(at: Live, key: str, text: str) -> None:
    await to_row(at, key)
    await at.press("enter")
    await at.answer(text)


# ---------------------------------------------------------------- what is shown


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_every_setting_is_in_sight_with_its_help(queue: LiveQueue, size: tuple[int, int]) -> None:
    queue.set(kill_grace="1m30s")
    async with live(queue, Place.CONFIG, size=size) as at:
        seen = at.seen()
        for key in SETTINGS:
            assert key in seen
        assert SETTINGS["max_retries"].help in seen
        assert (SETTINGS["backoff_max"].help in seen) is (size[0] == 160)
        await to_row(at, "backoff_max")
        await at.until(lambda: seen and SETTINGS["backoff_max"].help in at.seen(), "the help of the row is shown")
        shown = dict(zip(at.cells("SETTING"), at.cells("VALUE"), strict=True))
        assert (shown["kill_grace"], shown["max_retries"]) == ("1m30s", "3")
        assert [key for key, was in zip(at.cells("SETTING"), at.cells("SET"), strict=True) if was] == ["kill_grace"]


async def test_what_another_changes_is_shown(queue: LiveQueue) -> None:
    async with live(queue, Place.CONFIG) as at:
        queue.set(max_retries=8)
        await at.until(lambda: at.cells("VALUE")[0] == "8", "the new value is shown")


# ---------------------------------------------------------------- editing


async def test_a_setting_is_edited_and_the_change_is_undone(queue: LiveQueue) -> None:
    async with live(queue, Place.CONFIG) as at:
        await edit(at, "max_retries", "5")
        await at.told("max_retries is now 5")
        await edit(at, "max_retries", "6")
        await at.until(lambda: at.cells("VALUE")[0] == "6", "the value is shown")
        await at.press("u")
        await at.until(lambda: texts(queue) == {"max_retries": "5"}, "the second change is undone")
        await at.press("u")
        await at.told("max_retries is now 3, its default")
        assert texts(queue) == {}


@pytest.mark.parametrize(
    ("key", "text", "complaint"),
    [
        ("max_retries", "x", "whole number"),
        ("backoff_base", "0", "from 1 to 1000"),
        ("kill_grace", "none", "duration"),
        ("durability", "maybe", "normal or full"),
        ("shell", "sh", "absolute path"),
    ],
)
async def test_what_cannot_be_stored_is_told_while_it_is_typed(
    queue: LiveQueue, key: str, text: str, complaint: str
) -> None:
    async with live(queue, Place.CONFIG) as at:
        await to_row(at, key)
        await at.press("enter")
        await at.asked(Prompt)
        await at.press("ctrl+u", *text)
        await at.until(lambda: complaint in at.complaint(), "the complaint is shown")
        await at.press("enter")
        assert isinstance(at.app.screen, Prompt)
        await at.press("escape")
    assert texts(queue) == {}


async def test_none_switches_an_optional_setting_off(queue: LiveQueue) -> None:
    async with live(queue, Place.CONFIG) as at:
        await edit(at, "keep_completed", "none")
        await at.told("keep_completed is now none")
    assert texts(queue) == {"keep_completed": "none"}


@pytest.mark.parametrize("key", ["enter", "escape"])
async def test_a_setting_that_is_left_as_it_is_stays_unset(queue: LiveQueue, key: str) -> None:
    async with live(queue, Place.CONFIG) as at:
        await at.press("enter")
        await at.asked(Prompt)
        await at.press(key)
        await at.until(lambda: not isinstance(at.app.screen, Prompt), "the prompt is gone")
    assert texts(queue) == {}


async def test_keys_that_come_all_at_once_are_taken_in_their_order(queue: LiveQueue) -> None:
    async with live(queue, Place.CONFIG) as at:
        await at.press("enter")
        await at.asked(Prompt)
        at.press_at_once("ctrl+u", "7", "enter", "j")
        await at.until(lambda: texts(queue) == {"max_retries": "7"}, "the value is stored")


async def test_a_setting_goes_back_to_its_default_and_that_is_undone(queue: LiveQueue) -> None:
    queue.set(keep_dead="7d")
    async with live(queue, Place.CONFIG) as at:
        assert "unset_setting" not in at.offered()
        await to_row(at, "keep_dead")
        assert "unset_setting" in at.offered()
        await at.press("d")
        await at.told("keep_dead is now none, its default")
        assert texts(queue) == {}
        await at.press("u")
        await at.until(lambda: texts(queue) == {"keep_dead": "7d"}, "the text is back")


async def test_what_was_not_set_is_not_unset(queue: LiveQueue) -> None:
    before = queue.run(settings())
    async with live(queue, Place.CONFIG) as at:
        await at.press("d")
        assert (at.said(), bool(at.app.undo)) == ("", False)
    assert queue.run(settings()) == before


async def test_a_change_that_another_has_changed_again_is_not_undone(queue: LiveQueue) -> None:
    async with live(queue, Place.CONFIG) as at:
        await edit(at, "max_retries", "5")
        await at.told("max_retries is now 5")
        queue.set(max_retries=9)
        await at.press("u")
        await at.told("max_retries was changed again since, and stays 9")
    assert texts(queue) == {"max_retries": "9"}


@pytest.mark.parametrize("key", ["enter", "d"])
async def test_a_console_that_only_reads_changes_no_setting(queue: LiveQueue, key: str) -> None:
    queue.set(max_retries=5)
    async with live(queue, Place.CONFIG, read_only=True) as at:
        assert not any(BY_NAME[name].writes for name in at.offered())
        await at.press(key)
        await at.told("the console is read-only")
    assert texts(queue) == {"max_retries": "5"}


async def test_every_motion_moves_the_cursor(queue: LiveQueue) -> None:
    async with live(queue, Place.CONFIG, size=(80, 18)) as at:
        table, last = at.pane.table, len(SETTINGS) - 1
        page = table.page
        for key, place in (
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("G", last), ("g", 0), ("end", last), ("home", 0),
            ("ctrl+d", page // 2), ("ctrl+u", 0), ("pagedown", page), ("pageup", 0), ("ctrl+f", page), ("ctrl+b", 0),
        ):  # fmt: skip
            await at.press(key)
            assert (key, table.cursor) == (key, place)


# ---------------------------------------------------------------- taken up


async def test_it_is_told_how_many_workers_go_by_the_latest_change(queue: LiveQueue) -> None:
    queue.run(register_pool("abc", "here", 1, 3))
    holds = [Hold(queue.home, f"abc-{n}") for n in (1, 2)]
    for n in (1, 2, 3):  # the third is dead
        queue.run(register_worker(f"abc-{n}", "abc", "here", 1, (), 0))
    async with live(queue, Place.CONFIG) as at:
        await edit(at, "max_retries", "5")
        await at.until(lambda: "taken up by 0 of 2 workers" in at.pane.status().plain, "none has taken it up")
        version = queue.run(settings()).version
        queue.run(worker_took_settings("abc-1", version))
        await at.until(lambda: "taken up by 1 of 2 workers" in at.pane.status().plain, "one has taken it up")
        holds.pop().close()
        await at.until(lambda: "the only worker has taken up" in at.pane.status().plain, "the other has died")
        holds.pop().close()
        await at.until(lambda: "no pool runs" in at.pane.status().plain, "both have died")


async def test_a_real_pool_takes_a_change_up(queue: LiveQueue) -> None:
    queue.ready_pool(2)
    async with live(queue, Place.CONFIG) as at:
        await edit(at, "max_retries", "0")
        await at.told("max_retries is now 0")
        await at.until(lambda: "all 2 workers have taken up" in at.pane.status().plain, "all have taken it up")
