"""A list of a million jobs: its ends, its middle, a filter that looks at each, and marks on all, as with ten."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from queuectl_tui.filtering.finding import Findable
from tests.console.consoles import Seat, seat
from tests.store.million import HEADS, OF_EACH, copy, template

NEWEST = 3 * OF_EACH + HEADS


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of such a store; nothing in it is changed."""
    folder = tmp_path_factory.mktemp("million")
    yield Path(copy(template(tmp_path_factory, OF_EACH), folder / "home").path)
    shutil.rmtree(folder)  # two hundred megabytes are no keepsake


async def on_row(here: Seat, row: int, job_id: int) -> None:
    """Wait until the cursor is on a row, with that job in it."""
    await here.until(
        lambda: here.table.cursor == row and here.table.job is not None and here.table.job.id == str(job_id),
        f"row {row} holds job {job_id}",
    )


@pytest.mark.slow
async def test_every_part_of_a_million_jobs_is_at_hand(home: Path) -> None:
    async with seat(home, size=(80, 24)) as here:
        await on_row(here, 0, NEWEST)
        assert f"row 1 of {NEWEST:,}" in here.line("status")

        await here.press("G")
        await on_row(here, NEWEST - 1, 1)
        await here.press("k", "k")
        await on_row(here, NEWEST - 3, 3)

        await here.press("g")
        await on_row(here, 0, NEWEST)

        # By the scrollbar, into the middle: the very rows, not about them.
        await here.press("j")
        here.table.scroll_to(y=500_000, animate=False)
        await here.until(lambda: here.table.stretch.covers(500_000, 500_010), "the middle is read")
        middle = here.table.stretch.at(500_000)
        assert middle is not None
        assert middle.number == NEWEST - 500_000

        assert isinstance(here.listed, Findable)
        await here.listed.go_to("700000")
        await here.until(lambda: here.table.job is not None and here.table.job.number == 700_000, "the job is found")
        assert len(here.table.stretch.jobs) <= 3 * here.table.page


@pytest.mark.slow
async def test_a_filter_that_looks_at_each_of_a_million_jobs_keeps_nobody_waiting(home: Path) -> None:
    async with seat(home, size=(80, 24)) as here:
        await on_row(here, 0, NEWEST)
        await here.type("/id:10000")
        await here.press("enter")
        await here.until(lambda: here.table.stretch.jobs and here.table.stretch.jobs[0].number == NEWEST, "first hits")
        await here.press("j", "asterisk")  # answered although the rest is still being looked at
        assert here.table.cursor == 1
        await here.until(lambda: here.table.stretch.total == 71, "60 of seven digits, 10 of six, one of five")
        await here.press("G")
        await on_row(here, 70, 10_000)
