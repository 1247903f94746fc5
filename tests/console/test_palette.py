"""The palette: what it offers, how it finds, and that what it does is done where one was."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from textual.command import CommandInput, CommandList
from textual.content import Content

from queuectl_core.model.job import JobState
from queuectl_tui.actions import Place
from queuectl_tui.help.screen import HelpScreen
from queuectl_tui.looks import themes
from queuectl_tui.palette.palette import QueuePalette
from tests.console.consoles import Seat, seat
from tests.store.acts import put
from tests.store.engines import Engine

HOSTILE = "[/red][bold]x[@click=app.quit]"


def some(store: Engine) -> None:
    for name in ("report-1", "report-2", "other"):
        put(store, "true", id=name)
    put(store, "true")


async def test_it_offers_what_applies_with_its_key_and_words(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await opened(here)
        await here.until(lambda: len(entries(here)) > 20, "it is filled")
        assert any(
            " ".join(entry.split()) == "Cancel c cancel jobs that wait; those that run are left alone"
            for entry in entries(here)
        )
        assert any(entry.startswith("Go to DLQ") for entry in entries(here))
        assert any(entry.startswith("Theme light") for entry in entries(here))
        assert not any(entry.startswith("Retry ") for entry in entries(here)), "a job that waits cannot be retried"


async def test_what_is_typed_narrows_it_and_enter_does_it(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await found(here, "go to metr", "Go to Metrics")
        await here.press("enter")
        await here.until(lambda: here.app.shown is Place.METRICS, "the pane is open")


async def test_words_of_the_help_find_an_action_too(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await found(here, "every key", "Help")
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, HelpScreen), "help is open")


async def test_an_action_is_done_to_the_job_under_the_cursor(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await here.shows("4", "other", "report-2", "report-1")
        await here.press("j")
        await found(here, "cancel", "Cancel")
        await here.press("enter")
        await here.until(
            lambda: [job.state for job in here.table.stretch.jobs if job.id == "other"] == [JobState.CANCELLED],
            "cancelled",
        )


async def test_a_theme_is_chosen_and_remembered(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await found(here, "theme high", "Theme high-contrast")
        await here.press("enter")
        await here.until(lambda: here.app.theme == "queuectl-high-contrast", "it is worn")
        await here.until(lambda: here.app.memory.choices.theme == "queuectl-high-contrast", "it is remembered")


def test_every_theme_has_a_short_name() -> None:
    from queuectl_tui.palette.entries import THEMES

    assert list(THEMES.values()) == list(themes.NAMES)
    assert "light" in THEMES


async def test_a_job_is_found_by_the_beginning_of_its_id_from_any_pane(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await here.press("5")
        await here.until(lambda: here.app.shown is Place.METRICS, "another pane")
        await found(here, "report-1", "Job report-1")
        await here.press("enter")
        await here.until(lambda: here.app.shown is Place.JOBS, "the jobs are in sight")
        await here.until(lambda: here.table.job and here.table.job.id == "report-1", "the cursor is on it")


@pytest.mark.parametrize("size", [(100, 30), (160, 40)])
async def test_a_job_that_is_found_from_the_detail_of_another_is_the_one_meant(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    async with seat(tmp_path, fill=some, size=size) as here:
        await here.shows("4", "other", "report-2", "report-1")
        await here.press("enter")
        await here.until(lambda: here.listed.place is Place.DETAIL, "a detail is open")
        await found(here, "report-1", "Job report-1")
        await here.press("enter")
        await here.until(lambda: here.table.display and here.table.has_focus, "the list is in sight")
        await here.until(lambda: here.listed.job and here.listed.job.id == "report-1", "it is meant")


async def test_the_job_whose_whole_id_was_typed_comes_first(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await found(here, "4", "Job 4")


async def test_an_id_is_never_markup(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        rename(here, "other", HOSTILE)
        await here.until(lambda: HOSTILE in here.ids(), "it is listed")
        await found(here, "[/red]", f"Job {HOSTILE}")
        drawn = here.app.screen.query_one(CommandList).get_option_at_index(0).prompt
        assert isinstance(drawn, Content)
        assert drawn.plain.startswith(f"Job {HOSTILE}")
        await here.press("enter")
        await here.until(lambda: not isinstance(here.app.screen, QueuePalette), "it is chosen")
        await here.until(lambda: here.table.job and here.table.job.id == HOSTILE, "the cursor is on it")
        assert here.app.is_running


async def test_nothing_that_writes_is_offered_where_nothing_is_written(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some, read_only=True) as here:
        await opened(here)
        await here.until(lambda: len(entries(here)) > 10, "it is filled")
        assert not any(entry.startswith(("Cancel", "New job", "Edit", "Undo")) for entry in entries(here))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
async def test_every_entry_is_one_line(tmp_path: Path, size: tuple[int, int]) -> None:
    async with seat(tmp_path, fill=some, size=size) as here:
        await opened(here)
        await here.until(lambda: len(entries(here)) > 20, "it is filled")
        options = here.app.screen.query_one(CommandList)
        assert options.virtual_size.height <= options.option_count + 1


async def test_esc_leaves_it_and_the_keys_are_where_they_were(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await opened(here)
        await here.press("escape")
        await here.until(lambda: here.app.focused is here.table, "back in the list")


def rename(here: Seat, before: str, after: str) -> None:
    """Give a job an id that the store itself would have refused."""
    connection = sqlite3.connect(here.app.session.home.database)
    try:
        with connection:
            connection.execute("UPDATE jobs SET name = ? WHERE name = ?", (after, before))
    finally:
        connection.close()


async def opened(here: Seat) -> None:
    await here.press("ctrl+p")
    await here.until(lambda: isinstance(here.app.focused, CommandInput), "the palette is open")


async def found(here: Seat, text: str, title: str) -> None:
    """Open the palette, type, and wait until the first entry has this title."""
    await opened(here)
    await here.type(text)
    await here.until(
        lambda: entries(here) and entries(here)[0].startswith(title), f"{title} is first, not {entries(here)[:3]}"
    )


def entries(here: Seat) -> list[str]:
    options = here.app.screen.query_one(CommandList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]
