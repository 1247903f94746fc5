"""A terminal that is too small for a while: what had the keys has them again."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widget import Widget

from queuectl_tui.actions import Place
from tests.console.consoles import Seat, seat
from tests.store.acts import dead, put
from tests.store.engines import Engine

SMALL, LARGE = (40, 10), (100, 30)


def two_jobs(store: Engine) -> None:
    for name in ("a", "b"):
        put(store, id=name)


async def shrunk(here: Seat) -> None:
    await here.pilot.resize_terminal(*SMALL)
    await here.until(lambda: not in_the_picture(here, here.app.pane), "it is hidden")


async def grown(here: Seat) -> None:
    await here.pilot.resize_terminal(*LARGE)
    await here.until(lambda: in_the_picture(here, here.app.pane), "it is in sight")


def in_the_picture(here: Seat, widget: Widget) -> bool:
    return widget in here.app.frame._compositor.full_map


async def test_keys_are_for_the_list_again(tmp_path: Path) -> None:
    async with seat(tmp_path, size=LARGE, fill=two_jobs) as here:
        await here.shows("b", "a")
        await shrunk(here)
        await grown(here)
        await here.press("j")
        await here.until(lambda: here.table.cursor == 1, "the cursor has moved")


async def test_keys_are_for_the_detail_again_that_had_them(tmp_path: Path) -> None:
    async with seat(tmp_path, size=LARGE, fill=dead) as here:
        await here.press("enter")
        await here.until(lambda: "Search" in here.line("footer"), "the detail is opened")
        await shrunk(here)
        await grown(here)
        await here.press("slash")
        await here.until(lambda: here.app.screen is not here.app.frame, "it is asked what to search for")
        await here.press("escape")


@pytest.mark.parametrize("key", ["2", "4"])
async def test_a_pane_that_was_asked_for_meanwhile_has_the_keys(tmp_path: Path, key: str) -> None:
    place = {"2": Place.DLQ, "4": Place.CONFIG}[key]
    async with seat(tmp_path, size=LARGE, fill=two_jobs) as here:
        await here.shows("b", "a")
        await shrunk(here)
        await here.press(key)
        await here.until(lambda: here.app.shown is place, "it is chosen")
        await grown(here)
        focused = here.app.focused
        assert focused is not None
        assert here.app.pane in focused.ancestors_with_self


async def test_a_console_that_began_without_room_has_the_keys_where_it_is_given_some(tmp_path: Path) -> None:
    async with seat(tmp_path, size=SMALL, fill=two_jobs) as here:
        await grown(here)
        await here.shows("b", "a")
        await here.press("j")
        await here.until(lambda: here.table.cursor == 1, "the cursor has moved")
