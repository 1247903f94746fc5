"""The command line: what words mean, completion, mistakes told in place, and jobs by their ids."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Static

from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import JobState
from queuectl_tui.actions import ACTIONS, Place, applying
from queuectl_tui.detail.job_detail import JobDetail
from queuectl_tui.palette.command_line import CommandPrompt
from queuectl_tui.palette.words import Do, Show, Wear, Wish, meaning, words_for
from tests.console.consoles import Seat, seat
from tests.store.acts import put
from tests.store.engines import Engine

JOBS = applying(Place.JOBS)


def some(store: Engine) -> None:
    for name in ("quit", "report-1", "other"):
        put(store, "true", id=name)
    put(store, "true")


# ------------------------------------------------------------------ meaning: pure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("retry", Do("retry")),
        ("  retry ", Do("retry")),
        ("cancel-running", Do("cancel_running")),
        ("cancel_running", Do("cancel_running")),
        ("dlq", Do("pane_dlq")),
        ("pane_dlq", Do("pane_dlq")),
        ("q", Do("quit")),
        ("h", Do("help")),
        ("theme", Do("theme")),
        ("theme light", Wear("queuectl-light")),
        ("1234", Show("1234")),
        ("no such", Show("no such")),
        ("id:quit", Show("quit", sure=True)),
    ],
)
def test_a_word_means_an_action_a_theme_or_a_job(text: str, expected: Wish) -> None:
    assert meaning(text, JOBS) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("purge", "purge does not apply here: it is for: DLQ"),
        ("theme ligth", 'there is no theme "ligth": did you mean light?'),
        ("retry now", 'retry takes nothing behind it: not "now"'),
    ],
)
def test_what_cannot_be_meant_is_said(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        meaning(text, JOBS)
    assert str(error.value) == said


def test_words_are_completed_as_they_are_written() -> None:
    assert words_for("ret", applying(Place.DLQ)) == ["retry", "retry-all"]
    assert words_for("theme l", JOBS) == ["theme light"]
    assert words_for("quit", JOBS) == []
    assert not any("_" in word for word in words_for("", ACTIONS))


# ------------------------------------------------------------------ the prompt


async def test_an_action_is_done_to_the_job_under_the_cursor(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await here.shows("4", "other", "report-1", "quit")
        await enter(here, "cancel")
        await here.until(lambda: here.table.stretch.jobs[0].state is JobState.CANCELLED, "cancelled")


async def test_a_pane_is_opened_by_its_name(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "config")
        await here.until(lambda: here.app.shown is Place.CONFIG, "the pane is open")


async def test_a_theme_is_worn(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "theme light")
        await here.until(lambda: here.app.theme == "queuectl-light", "it is worn")


async def test_q_leaves(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "q")
        await here.until(lambda: here.app.return_value == 0, "the console is left")


@pytest.mark.parametrize(("text", "job_id"), [("report-1", "report-1"), ("id:quit", "quit"), ("other", "other")])
async def test_an_id_opens_the_job(tmp_path: Path, text: str, job_id: str) -> None:
    async with seat(tmp_path, fill=some) as here:
        await here.app.open_pane(Place.DLQ)
        await enter(here, text)
        await here.until(lambda: here.app.shown is Place.JOBS, "the jobs are in sight")
        await here.until(lambda: here.table.job and here.table.job.id == job_id, "the cursor is on it")
        await here.until(lambda: here.app.query(JobDetail), "its detail is open")


@pytest.mark.parametrize("size", [(100, 30), (160, 40)])
async def test_an_id_opens_the_job_where_another_one_is_open(tmp_path: Path, size: tuple[int, int]) -> None:
    async with seat(tmp_path, fill=some, size=size) as here:
        await here.shows("4", "other", "report-1", "quit")
        await here.press("enter")
        await here.until(lambda: here.app.query(JobDetail), "a detail is open")
        await enter(here, "report-1")
        detail = here.app.query_one(JobDetail)
        await here.until(lambda: detail.job and detail.job.id == "report-1", "it is of that job")
        await here.press("C")
        assert "job report-1" in await here.asked()
        await here.press("n")


async def test_what_is_neither_action_nor_job_is_told_in_place(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "cancle")
        await here.until(lambda: 'no job "cancle": did you mean cancel?' in wrong(here), "told in place")
        await here.press("backspace")
        await here.until(lambda: wrong(here) == "", "half a word is no mistake")
        await here.press("escape")
        await here.until(lambda: here.app.focused is here.table, "left")


async def test_markup_in_what_was_typed_is_text(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "[/red]")
        await here.until(lambda: 'no job "[/red]"' in wrong(here), "told in place")


async def test_what_does_not_apply_is_told_in_place(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "purge")
        await here.until(lambda: "it is for: DLQ" in wrong(here), "told in place")


async def test_the_right_arrow_completes_an_action_and_an_id(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await opened(here)
        typed = here.app.screen.query_one(Input)
        for text, whole in (("cop", "copy-id"), ("repo", "report-1")):
            await here.press("ctrl+u")
            await here.type(text)
            await here.until(lambda whole=whole: typed._suggestion == whole, "it is completed")  # type: ignore[misc]
            await here.press("right")
            assert typed.value == whole


async def test_an_empty_line_is_left_by_enter(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some) as here:
        await enter(here, "")
        await here.until(lambda: here.app.focused is here.table, "left")


async def test_nothing_that_writes_can_be_asked_for_where_nothing_is_written(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=some, read_only=True) as here:
        await enter(here, "cancel")
        await here.until(lambda: wrong(here), "refused")
        assert here.table.stretch.jobs[0].state is JobState.PENDING


async def opened(here: Seat) -> None:
    await here.press("colon")
    await here.until(lambda: isinstance(here.app.screen, CommandPrompt) and here.app.focused, "the prompt is open")


async def enter(here: Seat, text: str) -> None:
    await opened(here)
    await here.type(text)
    await here.press("enter")


def wrong(here: Seat) -> str:
    return str(here.app.screen.query_one(".wrong", Static).render())
