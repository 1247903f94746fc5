"""Every key of every action is pressed in every place where it applies, and does what it should.

One effect each is looked at here; what else belongs to an action is tested where that is at home. What is expected is
in `tests/console/keys/`: a table by the names of actions, in which each must have a row.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from queuectl_core.model.job import JobState, NewJob, Outcome
from queuectl_tui.actions import BY_NAME, SCROLLED, Action, Place, actions_in
from tests.console.keys import everywhere, motions, on_detail, on_jobs, on_panes
from tests.console.keys.at import LOW, PANE_OF, SIZE, At, Row, at, register, walk
from tests.store import acts
from tests.store.engines import BlockingSqlite

TABLES = (on_jobs.ROWS, on_panes.ROWS, on_detail.ROWS, motions.ROWS, everywhere.ROWS)
ROWS: dict[str, Row] = {name: row for table in TABLES for name, row in table.items()}

ACTING = [
    pytest.param(place, action, id=f"{place}: {action.name}")
    for place in PANE_OF
    for action in actions_in(place)
    if not action.motion or action.name not in motions.ROWS
]
"""What belongs to a place, but for the motions: a console for each."""


def one(store: BlockingSqlite) -> None:
    """A job, so that there is something to look at."""
    acts.put(store, id="first", queue="first")


def many(place: Place, store: BlockingSqlite) -> None:
    """More than fits on a page."""
    match place:
        case Place.WORKERS:
            register(store, "pool", 40)
        case Place.DLQ:
            acts.put_many(store, *[NewJob("false", max_retries=0)] * 20, batch=20)
            for _ in range(20):
                acts.ended(store, acts.started(store), Outcome.FAILED)
        case _:
            acts.put_many(store, *[NewJob("true")] * 40, batch=40)


async def pressed(there: At, action: Action) -> None:
    """Go through the keys of an action."""
    await walk(there, action, ROWS[action.name])


def test_every_action_has_a_row_of_its_own() -> None:
    assert set(ROWS) == set(BY_NAME)
    assert len(ROWS) == sum(len(table) for table in TABLES)


@pytest.mark.parametrize(("place", "action"), ACTING)
async def test_a_key_of_a_place_does_what_it_is_for(
    place: Place, action: Action, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(place, tmp_path, monkeypatch, one) as there:
        await pressed(there, action)


@pytest.mark.parametrize("place", SCROLLED)
async def test_every_motion_of_a_place_leads_where_it_should(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = LOW if place is Place.CONFIG else SIZE
    async with at(place, tmp_path, monkeypatch, lambda store: many(place, store), size) as there:
        if place is Place.DETAIL:
            await there.job(JobState.COMPLETED, output=motions.OUTPUT)
            await there.until(lambda: there.detail.output.status().lines == motions.LINES, "its lines are counted")
        for action in actions_in(place):
            if action.name in motions.ROWS:
                await pressed(there, action)


@pytest.mark.parametrize("place", PANE_OF)
async def test_every_key_that_applies_everywhere_does_so_here(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at(place, tmp_path, monkeypatch, one) as there:
        for action in actions_in(Place.EVERYWHERE):
            await pressed(there, action)
