"""The help: what it says, how it is laid out, and its keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.containers import VerticalScroll

from queuectl_core.model.filters import KEYS
from queuectl_core.model.job import JobState
from queuectl_tui.actions import Place
from queuectl_tui.help.screen import HelpScreen
from queuectl_tui.help.text import laid_out, sections
from tests.console.consoles import Seat, seat


def text(width: int, here: Place = Place.JOBS, *, read_only: bool = False) -> str:
    return "\n".join(line.plain for line in laid_out(sections(here, read_only=read_only), width))


@pytest.mark.parametrize("width", [56, 76, 116, 156, 236])
def test_every_line_fits_its_width(width: int) -> None:
    lines = laid_out(sections(Place.JOBS, read_only=False), width)

    assert max(line.cell_length for line in lines) <= width


def test_two_columns_halve_the_height_where_there_is_room() -> None:
    assert len(text(156).splitlines()) < 0.6 * len(text(76).splitlines())


@pytest.mark.parametrize("width", [76, 156])
def test_states_and_the_language_of_filters_are_explained(width: int) -> None:
    said = text(width)

    assert all(state.value in said for state in JobState)
    assert all(f"{key}:" in said for key in KEYS)


def test_the_place_where_help_was_asked_for_comes_first() -> None:
    assert text(76, Place.WORKERS).startswith("Workers")
    assert text(76, Place.DETAIL).startswith("Detail")


def test_a_console_that_is_read_only_has_no_keys_that_write() -> None:
    assert "X  " in text(76)
    assert "enqueue a new job" not in text(76, read_only=True)
    assert "purge" not in text(76, read_only=True).lower()


@pytest.mark.parametrize("key", ["question_mark", "escape", "q", "f1"])
async def test_help_is_left_as_it_was_come_to_and_nothing_else_happens(tmp_path: Path, key: str) -> None:
    async with seat(tmp_path) as here:
        await opened(here)
        await here.press(key)
        await here.until(lambda: not isinstance(here.app.screen, HelpScreen), "help is left")
        assert here.app.is_running
        assert here.app.focused is here.table


async def test_help_scrolls_by_keys(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24)) as here:
        scroll = await opened(here)
        await here.until(lambda: scroll.max_scroll_y > 20, "the text is laid out")
        for keys, place in (("j", 1), ("jjk", 2), ("g", 0), ("G", scroll.max_scroll_y), ("k", scroll.max_scroll_y - 1)):
            await here.press(*keys)
            await here.until(lambda place=place: scroll.scroll_y == place, f"{keys} goes to {place}")  # type: ignore[misc]
        await here.press("home", "pagedown")
        await here.until(lambda: scroll.scroll_y == scroll.size.height, "a page down")
        await here.press("pageup")
        await here.until(lambda: scroll.scroll_y == 0, "and back")


async def test_help_is_laid_out_anew_when_the_terminal_changes(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24)) as here:
        scroll = await opened(here)
        await here.until(lambda: scroll.max_scroll_y > 20, "the text is laid out")
        narrow = scroll.virtual_size.height
        await here.pilot.resize_terminal(160, 48)
        await here.until(lambda: scroll.virtual_size.height < 0.7 * narrow, "two columns")


async def opened(here: Seat) -> VerticalScroll:
    await here.press("question_mark")
    await here.until(lambda: isinstance(here.app.screen, HelpScreen) and here.app.focused, "help is open")
    return here.app.screen.query_one(VerticalScroll)
