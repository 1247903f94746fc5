"""The detail is opened, left, and stands beside the list or over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_tui.actions import Place
from queuectl_tui.detail.dossier import Dossier
from queuectl_tui.detail.facts import Facts
from queuectl_tui.panes.peek import Peek
from tests.console.detail.desk import NARROW, WIDE, desk, failed_thrice, named, three


async def test_enter_shows_the_detail_over_a_narrow_list_and_escape_leaves_it(tmp_path: Path) -> None:
    async with desk(tmp_path, three) as here:
        await here.press("j", "enter")
        await here.opened("second")

        assert here.app.pane.place is Place.DETAIL
        await here.until(lambda: not here.table.display, "the detail covers the list")

        await here.press("escape")

        assert here.browser.detail is None
        assert here.table.display
        assert here.table.has_focus


async def test_keys_that_follow_enter_at_once_go_to_the_detail(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter", "slash", "l", "i", "n", "e", "enter")
        await here.opened("broken")

        assert here.detail.has_focus
        assert here.told() == []


async def test_list_and_detail_stand_side_by_side_where_there_is_room(tmp_path: Path) -> None:
    async with desk(tmp_path, three, WIDE) as here:
        await here.press("enter")
        await here.opened("third")
        await here.until(lambda: here.detail.outer_size.width < WIDE[0], "there is room for both")

        assert here.table.display
        assert 0.5 < here.detail.outer_size.width / WIDE[0] < 0.6

        await here.press("escape")
        assert here.table.has_focus
        assert here.detail.display
        assert here.app.pane.place is Place.JOBS

        await here.press("escape")
        assert here.browser.detail is None


async def test_beside_the_list_the_detail_follows_the_cursor(tmp_path: Path) -> None:
    async with desk(tmp_path, three, WIDE) as here:
        await here.press("enter")
        await here.opened("third")

        await here.press("escape", "j", "j")

        await here.opened("first")
        assert here.table.has_focus


async def test_a_job_that_is_read_is_not_replaced_as_the_cursor_moves(tmp_path: Path) -> None:
    async with desk(tmp_path, three, WIDE) as here:
        await here.press("enter")
        await here.opened("third")

        here.browser.do_bottom()
        await here.until(lambda: "row 3 of 3" in here.line("status"), "the move is noticed")

        assert here.browser._resting is None
        assert here.facts().startswith("third ")


async def test_an_answer_that_comes_late_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []

    def note(facts: Facts, dossier: Dossier, now: int) -> None:
        shown.append(dossier.job.id)
        draw(facts, dossier, now)

    async with desk(tmp_path, three, WIDE) as here:
        await here.press("enter")
        await here.opened("third")
        draw = Facts.show
        monkeypatch.setattr(Facts, "show", note)

        here.detail.show_job(named(here, "first"))
        here.detail.show_job(named(here, "second"))
        assert here.detail.job == named(here, "second")

        await here.opened("second")
        assert "first" not in shown


async def test_resizing_switches_between_beside_and_over(tmp_path: Path) -> None:
    async with desk(tmp_path, three, WIDE) as here:
        await here.press("enter")
        await here.opened("third")
        await here.press("escape")

        await here.pilot.resize_terminal(*NARROW)
        await here.until(lambda: not here.table.display, "the detail covers the list")
        assert here.detail.has_focus

        await here.pilot.resize_terminal(*WIDE)
        await here.until(lambda: here.table.display, "the list is in sight again")


async def test_escape_leaves_the_detail_before_the_marks(tmp_path: Path) -> None:
    async with desk(tmp_path, three) as here:
        await here.press("space", "enter")
        await here.opened("second")

        await here.press("escape")
        assert here.browser.marks

        await here.press("escape")
        assert not here.browser.marks


async def test_the_log_is_shown_with_all_the_room(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("l")
        await here.sees("run 3 line 100")

        assert not here.detail.above.display
        assert here.detail.output.size.height == here.detail.size.height - 1


async def test_a_double_click_opens_the_detail_and_a_click_beside_it_gives_the_keys_back(tmp_path: Path) -> None:
    async with desk(tmp_path, three, WIDE) as here:
        await here.pilot.click(here.table, offset=(4, 2), times=2)
        await here.opened("second")
        assert here.detail.has_focus

        await here.pilot.click(here.table, offset=(4, 3))
        assert here.table.has_focus
        await here.opened("first")

        await here.pilot.click(here.detail.output, offset=(4, 2))
        assert here.app.pane.place is Place.DETAIL


async def test_the_dlq_has_the_detail_too(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path), WIDE) as here:
        await here.press("2")
        await here.until(lambda: here.app.shown is Place.DLQ and here.ids(), "the dead job is listed")

        await here.press("enter")
        await here.opened("broken")
        assert here.table.display
        assert not here.browser.query_one(Peek).display
        await here.press("escape", "escape")

        assert here.browser.detail is None
        assert here.browser.query_one(Peek).display


async def test_the_keys_of_the_list_rest_while_the_detail_has_them(tmp_path: Path) -> None:
    async with desk(tmp_path, three) as here:
        await here.press("enter")
        await here.opened("third")

        await here.press("space", "v", "p")
        await here.pilot.pause()

        assert not here.browser.marks
        assert here.told() == []


async def test_causes_in_the_dlq_close_the_detail(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path), WIDE) as here:
        await here.press("2")
        await here.until(lambda: here.app.shown is Place.DLQ and here.ids(), "the dead job is listed")
        await here.press("enter")
        await here.opened("broken")

        await here.press("escape", "b")

        await here.until(lambda: here.browser.detail is None, "the detail is closed")
        assert not here.table.display


async def test_a_detail_over_the_list_has_the_keys_when_its_pane_comes_back(tmp_path: Path) -> None:
    async with desk(tmp_path, three) as here:
        await here.press("enter")
        await here.opened("third")

        await here.press("2")
        await here.until(lambda: here.app.shown is Place.DLQ, "the DLQ is shown")
        await here.press("1")

        await here.until(lambda: here.app.shown is Place.JOBS and here.detail.has_focus, "the detail has the keys")
