"""A store whose file is taken away from under the console: nothing is written, and it says why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from queuectl_core.model.job import JobState
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.jobs import count_matching, find
from queuectl_tui.session import Gone, Session
from tests.console.consoles import Seat, seat
from tests.store.acts import put
from tests.store.engines import Engine


def three(store: Engine) -> None:
    for name in ("a", "b", "c"):
        put(store, id=name)


def taken_away(here: Seat, folder: Path) -> Path:
    """Move the file of the store to where nobody looks for it; that place."""
    return Path(here.app.session.home.database).rename(folder / "elsewhere.db")


@pytest.mark.parametrize("marking", [[], ["space", "space"], ["asterisk"]])
async def test_no_change_is_taken_for_a_store_that_is_gone(tmp_path: Path, marking: Sequence[str]) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        await here.press(*marking)
        await here.until(lambda: bool(marking) is bool(here.listed.marks), "they are marked")
        taken_away(here, tmp_path)
        await here.press("c")
        await here.told_of("queue.db is gone", "put it back, or leave and start anew")
        assert len(here.told()) == 1, here.told()
        assert [job.state for job in here.store.run(find(["a", "b", "c"]))] == [JobState.PENDING] * 3


async def test_no_job_is_taken_for_a_store_that_is_gone(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        taken_away(here, tmp_path)
        await here.press("n")
        await here.until(lambda: here.app.screen.query("#command"), "the form is open")
        await here.type("true")
        await here.press("enter")
        wrong = here.app.screen.query_one("#wrong")
        await here.until(lambda: "queue.db is gone" in str(wrong.render()), "it is told in the form")
        assert here.store.run(count_matching()) == 3
        await here.press("escape", "y")


async def test_the_status_line_says_that_it_is_gone_and_since_when_what_is_shown_is_old(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(140, 30), fill=three) as here:
        await here.shows("c", "b", "a")
        file = taken_away(here, tmp_path)
        await here.until(lambda: "queue.db is gone" in here.line("status"), "the status line says so")
        assert here.app.session.trouble
        since = here.app.session.trouble.since
        here.clock.now += 60_000
        await here.app.pane.read_quietly()
        await here.until(lambda: "stale since" in here.line("header"), "the badge says so")
        assert here.app.session.trouble
        assert here.app.session.trouble.since == since
        file.rename(here.app.session.home.database)
        await here.until(lambda: "live" in here.line("header"), "it is live again")
        assert "gone" not in here.line("status")
        await here.press("c")
        await here.told_of("cancelled")


async def test_a_change_that_was_meant_for_a_store_that_was_replaced_is_refused(tmp_path: Path) -> None:
    home, other = Home(str(tmp_path / "home")), Home(str(tmp_path / "other"))
    SqliteStore(home).close()
    SqliteStore(other).close()
    session = Session(home)
    await session.open()
    try:
        Path(other.database).replace(home.database)
        with pytest.raises(Gone, match=r"was replaced: see what it holds now, and try again"):
            await session.read(count_matching())
        assert await session.changed()
        assert await session.read(count_matching()) == 0
    finally:
        await session.close()
