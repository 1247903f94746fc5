"""The table of actions: complete, without clashes, and the one place that keys, help, palette and README come from."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from queuectl_tui.actions import (
    ACTIONS,
    BY_NAME,
    PANE_ACTIONS,
    PANES,
    Action,
    Place,
    actions_in,
    applying,
    key_sign,
    keys_of,
)
from queuectl_tui.app import QueueConsole
from queuectl_tui.bindings import perform
from queuectl_tui.detail.job_detail import JobDetail
from queuectl_tui.help.text import sections
from queuectl_tui.metrics.pane import MetricsPane
from queuectl_tui.palette.entries import available, names_of, title_of
from queuectl_tui.panes.config import ConfigPane
from queuectl_tui.panes.dlq import DlqPane
from queuectl_tui.panes.jobs import JobsPane
from queuectl_tui.panes.workers import WorkersPane
from tests.architecture.readme_tables import README, keys_table
from tests.console.consoles import seat
from tests.store.acts import put
from tests.store.engines import Engine

DOERS: dict[Place, tuple[type, ...]] = {
    Place.EVERYWHERE: (QueueConsole,),
    Place.JOBS: (JobsPane,),
    Place.DLQ: (DlqPane,),
    Place.WORKERS: (WorkersPane,),
    Place.CONFIG: (ConfigPane,),
    Place.METRICS: (MetricsPane,),
    Place.DETAIL: (JobDetail, JobsPane),
}
"""Who has the methods for the actions of a place; a detail leaves some to the pane it is in."""

EACH = [pytest.param(place, action, id=f"{place}: {action.name}") for place in Place for action in actions_in(place)]


def one(store: Engine) -> None:
    put(store, id="a")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_action_has_keys_a_label_a_help_and_a_place(action: Action) -> None:
    assert all((action.keys, action.label, action.help, action.places))
    assert action.help[0].islower() or not action.help[0].isalpha(), "a clause, as it stands behind its keys"


def test_no_two_actions_have_one_name() -> None:
    assert len(BY_NAME) == len(ACTIONS)


@pytest.mark.parametrize(("place", "action"), EACH)
def test_an_action_is_done_by_somebody_in_each_of_its_places(place: Place, action: Action) -> None:
    if action.name in PANE_ACTIONS:
        return  # opened by the app, which has a table of panes
    assert any(hasattr(doer, f"do_{action.name}") for doer in DOERS[place])


@pytest.mark.parametrize("place", [place for place in Place if place is not Place.EVERYWHERE])
def test_no_key_means_two_things_in_one_place(place: Place) -> None:
    keys = [(key, action.name) for action in applying(place) for key in action.keys]
    clashes = [pair for pair in itertools.combinations(keys, 2) if pair[0][0] == pair[1][0]]

    assert clashes == []


def test_upper_case_letters_are_those_that_ask() -> None:
    # G and N only move.
    acting = [action for action in ACTIONS if not action.motion and action.name != "previous_hit"]
    upper = {action.name for action in acting if any(len(key) == 1 and key.isupper() for key in action.keys)}

    assert upper == {action.name for action in ACTIONS if action.asks}


def test_what_asks_writes() -> None:
    assert [action.name for action in ACTIONS if action.asks and not action.writes] == []


@pytest.mark.parametrize("place", [*PANES, Place.DETAIL])
def test_the_help_has_every_key_of_a_place(place: Place) -> None:
    rows = {row.name for section in sections(place, read_only=False) for row in section.rows}

    assert {keys_of(action) for action in applying(place)} <= rows


@pytest.mark.parametrize("place", PANES)
async def test_the_palette_has_every_action_that_applies(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seat(tmp_path, fill=one) as here:
        await here.app.open_pane(place)
        pane = here.app.pane
        monkeypatch.setattr(type(pane), "allows", lambda *_: True)

        assert {action.name for action in available(pane, pane)} == {action.name for action in applying(place)}


def test_every_action_can_be_typed_and_has_a_title_of_its_own() -> None:
    assert {action.name for action in names_of(ACTIONS).values()} == set(BY_NAME)
    for place in (*PANES, Place.DETAIL):
        titles = [title_of(action) for action in applying(place)]
        assert len(set(titles)) == len(titles), place


@pytest.mark.parametrize("place", PANES)
async def test_nothing_that_writes_is_offered_or_done_in_a_console_that_is_read_only(
    tmp_path: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with seat(tmp_path, fill=one, read_only=True) as here:
        told: list[str] = []
        monkeypatch.setattr(here.app, "tell", lambda text, **_: told.append(text))
        await here.app.open_pane(place)
        pane = here.app.pane
        offered = pane.keys()
        writing = [action for action in applying(place) if action.writes]
        hints = here.line("footer").strip().split("  ")

        assert [action.name for action in offered if action.writes] == []
        assert [action.name for action in available(pane, pane) if action.writes] == []
        assert {f"{key_sign(action.keys[0])} {action.label}" for action in writing} & {*hints} == set()
        assert f"? {BY_NAME['help'].label}" in hints
        for action in writing:
            perform(pane, here.app, action.name)
        assert told == [f"{action.label}: the console is read-only" for action in writing]


def test_the_readme_has_the_table_of_keys() -> None:
    assert keys_table() in README.read_text(encoding="utf-8"), "run 'python -m tests.architecture.readme_tables'"
