"""The output in the detail: motions, searching, wrapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_tui.widgets.prompt import Prompt
from tests.console.detail.desk import desk, failed_thrice, running


async def test_tab_shows_and_hides_the_facts(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        before = here.detail.output.size.height

        await here.press("tab")
        await here.until(lambda: here.detail.output.size.height > before, "the output has more room")
        assert here.detail.has_focus

        await here.press("tab")
        await here.until(lambda: here.detail.output.size.height == before, "the facts are back")


async def test_long_lines_are_wrapped_and_cut(tmp_path: Path) -> None:
    fill, _ = running(tmp_path, "x" * 300 + " tail\n")
    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.until(here.output, "there is output")
        assert len(here.output()) == 1

        await here.press("w")
        await here.reads("wrapped")
        assert len(here.output()) > 3

        await here.press("w")
        await here.until(lambda: len(here.output()) == 1, "it is cut again")
        assert "wrapped" not in here.heading


@pytest.mark.parametrize("keys", [("right", "left"), ("right", "h")])
async def test_output_is_scrolled_to_the_side(tmp_path: Path, keys: tuple[str, str]) -> None:
    fill, _ = running(tmp_path, "start " + "x" * 300 + "\n")
    async with desk(tmp_path, fill) as here:
        await here.press("enter")
        await here.until(here.output, "there is output")

        await here.press(keys[0])
        assert not here.output()[0].startswith("start")

        await here.press(keys[1])
        assert here.output()[0].startswith("start")


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        (("g",), 1),
        (("home",), 1),
        (("g", "j"), 2),
        (("g", "down", "down"), 3),
        (("g", "j", "j", "k"), 2),
        (("g", "j", "up"), 1),
        (("g", "ctrl+d", "ctrl+u"), 1),
        (("g", "pagedown", "pageup"), 1),
        (("g", "ctrl+f", "ctrl+b"), 1),
    ],
)
async def test_motions_move_the_output(tmp_path: Path, keys: tuple[str, ...], first: int) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")

        await here.press(*keys)

        await here.until(lambda: here.output()[0] == f"run 3 line {first}", f"line {first} is on top")


@pytest.mark.parametrize("key", ["G", "end"])
async def test_the_end_is_a_key_away(tmp_path: Path, key: str) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.press("g")
        await here.sees("run 3 line 1")

        await here.press(key)

        await here.sees("run 3 line 100")


@pytest.mark.parametrize(("key", "by"), [("ctrl+d", 0.5), ("pagedown", 1.0)])
async def test_pages_are_as_high_as_the_output(tmp_path: Path, key: str, by: float) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")

        await here.press("g", key)

        top = int(here.output()[0].rpartition(" ")[2])
        assert top - 1 == pytest.approx(here.detail.output.size.height * by, abs=1)


async def test_the_output_is_searched(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.press("g", "slash")
        await here.until(lambda: isinstance(here.app.screen, Prompt), "it asks")

        await here.type("line 5")
        await here.press("enter")
        await here.reads('"line 5" 1 of 11 hits')
        await here.sees("run 3 line 5")

        await here.press("n")
        await here.reads("2 of 11 hits")
        await here.sees("run 3 line 50")

        await here.press("N")
        await here.reads("1 of 11 hits")


async def test_a_search_without_hits_says_so_and_an_empty_one_ends_it(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.press("slash", *"zzz", "enter")
        await here.reads('"zzz" no hits')

        await here.press("slash", "ctrl+u", "enter")
        await here.until(lambda: "zzz" not in here.heading, "the search has ended")


async def test_a_search_that_is_left_changes_nothing(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.press("slash", *"line", "escape")
        await here.until(lambda: not isinstance(here.app.screen, Prompt), "the prompt is gone")

        assert "hits" not in here.heading
        assert here.detail.has_focus


async def test_n_searches_another_run_for_the_same(tmp_path: Path) -> None:
    async with desk(tmp_path, failed_thrice(tmp_path)) as here:
        await here.press("enter")
        await here.sees("run 3 line 100")
        await here.press("slash", *"line", "enter")
        await here.reads("of 100 hits")
        await here.press("left_square_bracket")
        await here.sees("run 2 line 100")

        await here.press("n")

        await here.reads("attempt 2 of 3", "of 100 hits")
