"""Which columns a list shows: as many as there is room for, or those that were chosen."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.execution.process import Exit
from queuectl_core.model.errors import InvalidInput
from queuectl_tui.listing.choosing import columns_named, titles_of
from queuectl_tui.listing.columns import DEAD, JOBS, Column, fit
from queuectl_tui.looks.cells import GAP, cut, how_it_ended
from queuectl_tui.remembered import Memory
from tests.console.consoles import Seat, seat
from tests.store.acts import put


@given(st.integers(20, 400), st.sampled_from([JOBS, DEAD]))
def test_columns_fill_the_width_and_stand_beside_each_other(width: int, columns: tuple[Column, ...]) -> None:
    fitted = fit(columns, width)
    for one, next_one in pairwise(fitted):
        assert next_one.start == one.start + one.width + GAP
    if width >= 60:
        assert fitted[-1].start + fitted[-1].width == width


@given(st.integers(60, 399))
def test_a_wider_terminal_never_shows_fewer_columns(width: int) -> None:
    assert len(fit(JOBS, width)) <= len(fit(JOBS, width + 1))


def test_at_80_columns_the_list_has_what_one_looks_for_first() -> None:
    assert [one.column.title for one in fit(JOBS, 78)] == ["ID", "STATE", "QUEUE", "TRY", "AGE", "COMMAND"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Exit(3, None).error, "exit 3"),
        (Exit(None, 9).error, "SIGKILL"),
        (Exit(None, 99).error, "killed by signal 99"),
        ("killed by hand (SIGKILL)", "killed by hand (SIGKILL)"),
    ],
)
def test_how_a_run_ended_begins_with_what_tells_it_from_others(error: str, told: str) -> None:
    assert how_it_ended(error, None, None) == told


@given(st.text(max_size=30), st.integers(0, 40), st.booleans())
def test_a_cut_text_has_just_the_cells_it_was_given(text: str, width: int, right: bool) -> None:
    from rich.cells import cell_len

    from queuectl_core.model.cleaning import clean

    assert cell_len(cut(clean(text), width, right=right)) == width


def test_columns_are_named_by_their_titles_in_any_order() -> None:
    assert titles_of(columns_named("command, ID state", JOBS)) == "command id state"
    assert columns_named("  ", JOBS) == list(JOBS)


def test_a_title_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match=r"quue.*queue"):
        columns_named("id quue", JOBS)


def titles(here: Seat) -> str:
    """The line of titles as it is drawn."""
    return here.table.render_line(0).text.rstrip()


async def chosen(here: Seat, text: str) -> None:
    """Press the key, and answer."""
    await here.press("z")
    await here.until(lambda: here.app.screen is not here.app.screen_stack[0], "it asks which")
    await here.press("ctrl+u")
    await here.type(text)
    await here.press("enter")
    await here.until(lambda: here.app.screen is here.app.screen_stack[0], "it was taken")


async def test_chosen_columns_are_shown_in_their_order_and_remembered(tmp_path: Path) -> None:
    memory = tmp_path / "console.json"
    async with seat(tmp_path / "home", fill=lambda store: put(store, id="a", queue="mail"), memory=memory) as here:
        await here.shows("a")
        await chosen(here, "queue id command")
        assert titles(here).split() == ["QUEUE", "ID▾", "COMMAND"]
        await here.until(lambda: memory.exists() and json.loads(memory.read_text())["columns"], "it is written down")
    assert Memory(str(memory)).choices.columns_in(here.listed.PLACE) == "queue id command"
    async with seat(tmp_path / "home", memory=memory) as here:
        await here.shows("a")
        assert titles(here).split() == ["QUEUE", "ID▾", "COMMAND"]
        await chosen(here, "")
        assert "STATE" in titles(here)
