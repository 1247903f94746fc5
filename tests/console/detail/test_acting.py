"""Actions from the detail, and from the list beside it."""

from __future__ import annotations

from pathlib import Path

from queuectl_core.model.job import JobState
from tests.console.detail.desk import WIDE, desk, named, three
from tests.store import acts


async def test_an_action_is_for_the_job_in_the_detail_whatever_is_marked(tmp_path: Path) -> None:
    async with desk(tmp_path, three) as here:
        await here.press("space", "space", "g", "enter")
        await here.opened("third")

        await here.press("c")

        await here.knows("third  - cancelled")
        states = [job.state for job in here.table.stretch.jobs]
        assert states.count(JobState.CANCELLED) <= 1
        assert acts.look(here.store, named(here, "second")).state is JobState.PENDING


async def test_an_action_is_for_the_row_while_the_list_has_the_keys(tmp_path: Path) -> None:
    async with desk(tmp_path, three, WIDE) as here:
        await here.press("enter")
        await here.opened("third")
        await here.press("escape", "j", "c")

        await here.until(lambda: here.state(named(here, "second")) is JobState.CANCELLED, "the row is cancelled")
        assert here.state(named(here, "third")) is JobState.PENDING
