"""The filter line of a list: typed, completed, wrong, kept and left."""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.model.filters import Filter
from queuectl_core.model.job import JobState, Outcome
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.actions import Place
from queuectl_tui.filtering.completing import brief, choices, completed
from tests.console.consoles import seat
from tests.console.filtering import findable, line
from tests.store.acts import end, put, started
from tests.store.engines import Engine


def mixed(store: Engine) -> None:
    """One dead job in `mail`, and three that wait: a to d, the newest last."""
    put(store, "send --to me", id="a", queue="mail", max_retries=0)
    end(store, started(store), Outcome.FAILED, exit_code=3)
    put(store, "make all", id="b", queue="build")
    put(store, "send --to you", id="c", queue="mail", priority=5)
    put(store, "make clean", id="d", queue="build")


def dead(store: Engine) -> None:
    for name, queue in (("x", "mail"), ("y", "build"), ("z", "mail")):
        put(store, f"run {name}", id=name, queue=queue, max_retries=0)
        end(store, started(store), Outcome.FAILED, exit_code=1)
    put(store, id="alive")


# ------------------------------------------------------------------ completing: pure


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (" ", None),
        ("st", "state:"),
        ("ST", "state:"),
        ("state:", "state:pending"),
        ("state:d", "state:dead"),
        ("state:dead", None),
        ("state:dead,fa", "state:dead,failed"),
        ("make  queue:m", "make  queue:mail"),
        ("queue:zzz", None),
        ('cmd:"make st', None),
    ],
)
def test_the_last_word_is_completed(text: str, expected: str | None) -> None:
    assert completed(text, ("build", "mail")) == expected


def test_choices_are_listed_without_what_was_typed() -> None:
    assert [brief(choice) for choice in choices("queue:mail,", ("build", "mail"))] == ["build"]
    assert [brief(choice) for choice in choices("", ())][:2] == ["state:", "queue:"]


# ------------------------------------------------------------------ the filter


async def test_the_list_is_narrowed_while_a_filter_is_typed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/make")
        await here.shows("d", "b")
        assert findable(here).filter_line.editing


async def test_enter_keeps_the_filter_and_gives_the_keys_back(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/state:dead")
        await here.press("enter")
        await here.shows("a")
        assert here.app.focused is here.table
        assert line(here) == ("state:dead", "esc clears")
        await here.press("j")
        assert findable(here).filter_line.input.value == "state:dead"


async def test_esc_brings_back_the_filter_from_before(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/queue:mail")
        await here.press("enter")
        await here.shows("c", "a")
        await here.type("/")
        await here.type(" state:dead")
        await here.shows("a")
        await here.press("escape")
        await here.shows("c", "a")
        assert line(here)[0] == "queue:mail"
        assert here.app.focused is here.table


async def test_esc_in_the_list_leaves_the_marks_first_then_the_filter(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/mail")
        await here.press("enter")
        await here.shows("c", "a")
        await here.press("space", "escape")
        assert not here.listed.marks
        assert here.ids() == ["c", "a"]
        await here.press("escape")
        await here.shows("d", "c", "b", "a")
        assert not findable(here).filter_line.display
        assert not findable(here).clear_filter()


async def test_a_filter_line_that_is_left_as_it_was_leaves_the_marks(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.press("space", "slash", "escape")
        await here.until(lambda: here.app.focused is here.table, "the line is left")
        assert len(here.listed.marks) == 1


async def test_a_mistake_is_told_in_place_and_its_word_is_marked(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/make stat:dead x")
        assert "did you mean state?" in line(here)[1]
        assert findable(here).filter_line.input.wrong == (5, 14)
        await here.press("enter")
        assert findable(here).filter_line.editing, "a filter that cannot be meant is not kept"
        await here.press("escape")
        await here.shows("d", "c", "b", "a")


async def test_half_a_word_is_no_mistake_yet_and_says_what_it_may_become(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/state:d")
        assert line(here)[1] == "dead"
        assert findable(here).filter_line.input.wrong is None


async def test_tab_completes_from_the_queues_there_are(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/queue:b")
        await here.until(lambda: line(here)[1] == "build", "the queues are known")
        await here.press("tab")
        await here.shows("d", "b")
        assert findable(here).filter_line.input.value == "queue:build"
        assert here.app.focused is findable(here).filter_line.input


async def test_up_and_down_go_through_the_last_filters_and_back_to_what_was_typed(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        for text in ("make", "send"):
            await here.type(f"/{text}")
            await here.press("enter")
            await here.until(lambda text=text: text in here.app.memory.choices.filters, "it is remembered")  # type: ignore[misc]
            await here.press("escape")
        await here.type("/x")
        typed = findable(here).filter_line.input
        values = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await here.press(key)
            values.append(typed.value)
        assert values == ["send", "make", "make", "send", "x", "x"]


async def test_every_filter_that_is_kept_is_remembered_but_not_what_was_only_tried(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/make")
        await here.shows("d", "b")
        await here.press("escape")
        await here.type("/send")
        await here.press("enter")
        await here.until(lambda: here.app.memory.choices.filters == ("send",), "one is remembered")


async def test_letters_typed_in_a_burst_go_into_the_filter_not_to_the_list(tmp_path: Path) -> None:
    from textual import events

    async with seat(tmp_path, fill=mixed) as here:
        for letter in "/ make":
            key = {"/": "slash", " ": "space"}.get(letter, letter)
            here.app.post_message(events.Key(key, letter))
        await here.shows("d", "b")
        assert not here.listed.marks
        assert here.listed.order.column is SortColumn.ID


async def test_hostile_text_in_a_filter_is_text(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/[/red]:[bold]")
        await here.press("enter")
        await here.shows()
        await here.type("/")
        await here.press("ctrl+u")
        await here.type("[red:")
        assert findable(here).filter_line.editing


async def test_where_nothing_matches_the_status_says_what_to_do(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/nonesuch")
        await here.press("enter")
        await here.shows()
        await here.until(lambda: "esc clears it" in here.line("status"), "the way out is told")


async def test_a_filter_holds_for_what_arrives(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/queue:mail")
        await here.press("enter")
        await here.shows("c", "a")
        put(here.store, id="e", queue="build")
        put(here.store, id="f", queue="mail")
        await here.shows("f", "c", "a")


async def test_a_click_on_the_line_types_there(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        await here.type("/make")
        await here.press("enter")
        await here.pilot.click("FilterInput")
        await here.until(lambda: findable(here).filter_line.editing, "it is typed in")
        await here.press("end", "ctrl+u")
        await here.type("send")
        await here.shows("c", "a")
        await here.pilot.click("JobTable", offset=(5, 2))
        await here.until(lambda: not findable(here).filter_line.editing, "it is kept")
        await here.shows("c", "a")


async def test_in_the_dlq_every_job_is_dead_and_the_filter_need_not_say_so(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=dead) as here:
        await here.app.open_pane(Place.DLQ)
        await here.shows("z", "y", "x")
        await here.type("/queue:mail")
        await here.press("enter")
        await here.shows("z", "x")
        assert line(here)[0] == "queue:mail"
        assert findable(here).matched() == Filter(states=(JobState.DEAD,), queues=("mail",))
        await here.type("/")
        await here.type(" x")
        await here.press("enter")
        await here.shows("x")
        await here.press("escape")
        await here.shows("z", "y", "x")


async def test_in_the_dlq_other_states_are_refused(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=dead) as here:
        await here.app.open_pane(Place.DLQ)
        await here.shows("z", "y", "x")
        await here.type("/queue:mail state:pending")
        await here.press("enter")
        assert "every job here is dead" in line(here)[1]
        assert findable(here).filter_line.input.wrong == (11, 24)


async def test_a_key_that_is_being_typed_is_not_looked_for_as_a_word(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=mixed) as here:
        before = here.ids()
        await here.type("/stat")
        for _ in range(40):  # longer than a filter that can be meant has to rest
            await here.pilot.pause(0.01)
            assert here.ids() == before
        await here.press("enter")
        await here.shows()
