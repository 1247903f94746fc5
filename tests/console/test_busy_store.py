"""A store that somebody else keeps busy: what is shown stays, keys are answered, and the wait is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from queuectl_core.model.job import JobState
from queuectl_core.store.transactions.jobs import find
from tests.console.consoles import seat
from tests.store.acts import put


async def test_a_change_that_others_keep_waiting_says_so_and_is_made_in_the_end(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: [put(store, id=name) for name in ("a", "b")]) as here:
        await here.shows("b", "a")
        with closing(sqlite3.connect(here.app.session.home.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await here.press("c")
            here.clock.now += 5_000
            await here.until(lambda: "a change has waited 5 s" in here.line("status"), "the wait is told")
            await here.press("j")
            assert here.table.cursor == 1
            other.execute("ROLLBACK")
        await here.until(lambda: here.store.run(find(["b"]))[0].state is JobState.CANCELLED, "b is cancelled")
        await here.until(lambda: "waited" not in here.line("status"), "nothing waits any longer")
