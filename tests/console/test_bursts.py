"""Keys in a burst, as a slow line delivers them or a key that is held down: each is for what the one before opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.command import CommandList
from textual.widgets import Input

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.dead_letters import dead_page
from queuectl_core.store.transactions.jobs import find
from queuectl_tui.actions import Place
from queuectl_tui.panes.browser import Browser
from queuectl_tui.panes.config import ConfigPane
from queuectl_tui.widgets.question import Question
from tests.console.consoles import Seat, seat
from tests.store.acts import dead, put
from tests.store.engines import Engine

NAMES = {"/": "slash", ":": "colon", "*": "asterisk", " ": "space", "\r": "enter", "\x1b": "escape", "\x15": "ctrl+u"}


def burst(here: Seat, keys: str) -> None:
    for key in keys:
        here.app.post_message(events.Key(NAMES.get(key, key), key))


async def at_rest(here: Seat, place: Place) -> None:
    """Wait until no pane is being made, and this one alone is in sight."""
    await here.until(
        lambda: (
            here.app.shown is place
            and [shown for shown, pane in here.app.panes.items() if pane.display] == [place]
            and all(work.is_finished for work in here.app.workers if work.group == "panes")
        ),
        f"{place.value} alone is in sight",
    )


def three_dead(store: Engine) -> None:
    for name in "abc":
        dead(store, id=name)


async def opened_dlq(here: Seat) -> None:
    burst(here, "2")
    await at_rest(here, Place.DLQ)
    await here.shows("c", "b", "a")


@pytest.mark.parametrize(
    ("keys", "last"),
    [("44", Place.CONFIG), ("41", Place.JOBS), ("4545", Place.METRICS), ("54321", Place.JOBS), ("45432", Place.DLQ)],
)
async def test_the_last_pane_that_was_asked_for_is_in_sight(tmp_path: Path, keys: str, last: Place) -> None:
    async with seat(tmp_path, fill=put) as here:
        burst(here, keys)
        await at_rest(here, last)


async def test_a_key_after_the_one_that_opens_a_pane_is_for_that_pane(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=put) as here:
        burst(here, "4")
        await at_rest(here, Place.CONFIG)
        burst(here, "1")
        await at_rest(here, Place.JOBS)
        burst(here, "4jj1")
        await at_rest(here, Place.JOBS)
        config = here.app.panes[Place.CONFIG]
        assert isinstance(config, ConfigPane)
        assert config.table.cursor == 2


async def test_a_line_to_type_takes_what_is_typed_right_behind_its_key(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=put) as here:
        burst(here, "i\x1571\r")
        await here.until(lambda: here.store.run(find(["1"]))[0].priority == 71, "the priority is set")
        assert here.app.shown is Place.JOBS


async def test_what_is_done_right_behind_the_key_that_marks_all_is_done_to_all(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here)
        burst(here, "*r")
        await here.told_of("retried 3 jobs")


async def test_jobs_marked_by_two_keys_in_a_row_are_marked_no_more(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here)
        burst(here, "**r")
        await here.told_of("retried job c")
        await here.shows("b", "a")


async def test_a_line_that_is_opened_behind_it_takes_what_is_typed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here)
        burst(here, "*i\x1571\r")
        await here.until(
            lambda: [job.priority for job in here.store.run(find(["a", "b", "c"]))] == [71] * 3,
            "all have that priority",
        )
        assert here.app.shown is Place.DLQ


async def test_the_console_is_left_at_once_while_marks_are_read_from_a_store_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await opened_dlq(here)
        monkeypatch.setattr(here.listed, "_mark_all", asyncio.Event().wait)
        burst(here, "*rjq")
        await here.until(lambda: not here.app.is_running or here.app.return_code is not None, "it has left")
        assert here.store.run(dead_page())


@pytest.mark.parametrize("keys", ["2q", "25q", "2lq", "q2", "q5", "ql", "q\r", "q4j"])
async def test_a_key_that_leaves_does_so_amid_others_that_open_something(tmp_path: Path, keys: str) -> None:
    async with seat(tmp_path, fill=three_dead) as here:
        await here.shows("c", "b", "a")
        burst(here, keys)
        await here.until(lambda: not here.app.is_running, "it has left")
    assert here.app.return_code == 0
    assert here.app._exception is None


async def test_esc_right_behind_the_key_that_marks_all_leaves_nothing_marked(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=put) as here:
        await here.until(here.ids, "the job is listed")
        burst(here, "*\x1b")
        await here.until(lambda: here.listed.settling is None, "nothing is being marked")
        assert not here.listed.marks


async def at_the_settings(here: Seat) -> None:
    """Go to the settings, and wait until they are read."""
    burst(here, "4")
    await at_rest(here, Place.CONFIG)
    config = here.app.panes[Place.CONFIG]
    assert isinstance(config, ConfigPane)
    await here.until(lambda: config.table.row, "it is read")


async def test_a_setting_is_edited_in_one_go(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=put) as here:
        await at_the_settings(here)
        burst(here, "\r\x155\r")
        await here.told_of("max_retries is now 5")
        assert here.app.shown is Place.CONFIG


async def test_what_is_searched_for_in_an_output_is_no_keys(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=dead) as here:
        await here.press("enter")
        await here.until(lambda: "Search" in here.line("footer"), "it is opened")
        burst(here, "/red\r")
        await here.until(lambda: searched(here) == "red", "it is searched for")
        assert here.store.run(find(["1"]))[0].state is JobState.DEAD


async def test_how_many_workers_is_typed_right_behind_the_key_that_asks(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=put) as here:
        burst(here, "3")
        await at_rest(here, Place.WORKERS)
        burst(here, "a\x155 mail")
        await here.until(lambda: here.app.screen.query(Input), "it is asked")
        await here.until(
            lambda: here.app.screen.query(Input).first(Input).value == "5 mail", "it has all that was typed"
        )
        assert here.app.shown is Place.WORKERS
        await here.press("escape")


@pytest.mark.parametrize("keys", ["z\r\r", "w\r\r", "i5\r\r", "i5\r\x1b", ":sort\r\r", ":1\r\r", ":\r\r", "\r/a\r\r"])
async def test_a_line_is_answered_once_however_often_enter_is_pressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with seat(tmp_path, fill=put) as here:
        await here.until(here.ids, "the job is listed")
        burst(here, keys)
        await here.until(lambda: here.app.screen is here.app.frame, "the line is left")
        await nothing_breaks(here)


async def test_the_question_behind_a_line_is_not_answered_by_a_second_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.jsonl").write_text("precious")
    async with seat(tmp_path, fill=put) as here:
        await here.until(here.ids, "the job is listed")
        burst(here, "w\r\r")
        assert "Write over" in await here.asked()
        await nothing_breaks(here)
        assert isinstance(here.app.screen, Question)
        await here.press("n")


async def test_a_setting_is_edited_once_however_often_enter_is_pressed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=put) as here:
        await at_the_settings(here)
        burst(here, "\r\r\r")
        await nothing_breaks(here)


async def test_the_palette_does_once_what_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with seat(tmp_path, fill=put) as here:
        done: list[str] = []
        monkeypatch.setattr(here.app, "do", lambda _node, name: done.append(name))
        await here.press("ctrl+p")
        await here.type("go to metr")
        palette = here.app.screen
        await here.until(lambda: palette.query_one(CommandList).option_count == 1, "one is left")
        burst(here, "\r\r\r\r")
        await here.until(lambda: done, "it is done")
        await nothing_breaks(here)
        assert done == ["pane_metrics"]


async def nothing_breaks(here: Seat) -> None:
    """Let the console take in what was typed: a key that comes behind it is answered."""
    before = here.app.theme
    here.app.call_later(here.app.do_theme)
    await here.until(lambda: here.app.theme != before, "it goes on")
    await here.pilot.pause()
    assert here.app._exception is None


def searched(here: Seat) -> str:
    """What is searched for in the detail."""
    pane = here.app.pane
    assert isinstance(pane, Browser)
    return pane.detail._pattern if pane.detail is not None else ""
