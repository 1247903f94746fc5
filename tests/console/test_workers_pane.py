"""The pane of pools and workers: what it shows of them, and its motions."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.content import Content

from queuectl_core.execution.liveness import Hold
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.workers import register_worker
from queuectl_tui.actions import Place
from queuectl_tui.detail.job_detail import JobDetail
from queuectl_tui.panes import workers
from queuectl_tui.panes.workers import WorkersPane
from queuectl_tui.pools.reading import Crew, look_again, read_crew
from queuectl_tui.pools.rows import columns_for
from queuectl_tui.session import Session
from tests.console.live import live, live_queue, on_roster
from tests.execution.pools import LiveQueue
from tests.store.acts import started
from tests.store.engines import BlockingSqlite, Clock


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LiveQueue]:
    """A queue that may have real pools."""
    with live_queue(tmp_path) as found:
        yield found


# ---------------------------------------------------------------- what is shown


async def test_without_a_pool_two_lines_say_how_to_start_one(queue: LiveQueue) -> None:
    async with live(queue, Place.WORKERS, size=(80, 24)) as at:
        seen = at.seen()

    assert "No pool runs" in seen
    assert "a starts one" in seen


async def test_a_pool_is_shown_with_its_workers_under_it(queue: LiveQueue) -> None:
    gate = queue.gate("gate")
    pool = queue.ready_pool(2)
    job = queue.put(f": '[/red]\x1b[31m'; {gate.command}")
    gate.pid()
    async with live(queue, Place.WORKERS, size=(160, 48)) as at:
        await at.until(lambda: "▶ busy" in at.cells("STATE"), "a worker is busy")
        assert at.cells("WORKER") == [f"pool {pool.name}", f"{pool.name}-1", f"{pool.name}-2"]
        assert at.cells("STATE")[0] == "● running"
        assert set(at.cells("STATE")[1:]) == {"· idle", "▶ busy"}
        assert job in at.cells("JOB")
        assert "[/red]\\x1b[31m" in at.seen()
        assert str(queue.worker_of(job).pid) in at.cells("PID")
        assert at.cells("PULSE") == ["● alive"] * 3
        gate.open()
        await at.until(lambda: "▶ busy" not in at.cells("STATE"), "nobody is busy")


async def test_lengths_of_time_grow_with_the_clock_alone(queue: LiveQueue) -> None:
    clock = Clock()
    assert isinstance(queue.store, SqliteStore)
    queue.store.clock = clock
    on_roster(queue, "pool", "pool-1")
    queue.put()
    started(BlockingSqlite(queue.store, clock))
    hold = Hold(queue.home, "pool-1")
    async with live(queue, Place.WORKERS, clock=clock) as at:
        await at.until(lambda: at.cells("STATE") == ["✗ lost", "▶ busy"], "the worker is shown")
        assert at.cells("FOR") == ["0s", "0s"]
        clock.now += 83_000
        await at.until(lambda: at.cells("FOR") == ["1m23s", "1m23s"], "the time is shown")
    hold.close()


async def test_a_death_that_no_store_was_told_of_is_seen(queue: LiveQueue) -> None:
    on_roster(queue, "abc", "abc-1")
    hold = Hold(queue.home, "abc-1")
    async with live(queue, Place.WORKERS) as at:
        await at.until(lambda: at.cells("STATE")[1:] == ["· idle"], "the worker lives")
        hold.close()
        await at.until(lambda: at.cells("STATE")[1:] == ["✗ lost"], "the worker is lost")
        assert at.cells("PULSE")[1:] == ["○ none"]
        assert "no pulse" in at.seen()


async def test_a_look_at_who_lives_does_not_undo_what_was_read_meanwhile(
    queue: LiveQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, looks, go_on = (asyncio.Event() for _ in range(3))

    async def read_once_it_looks(session: Session) -> Crew:
        reads.set()
        await looks.wait()
        return await read_crew(session)

    async def look_until_told(home: Home, crew: Crew) -> Crew:
        looks.set()
        await go_on.wait()
        return await look_again(home, crew)

    on_roster(queue, "abc", "abc-1")
    async with live(queue, Place.WORKERS) as at:
        pane = at.pane
        assert isinstance(pane, WorkersPane)
        await at.until(lambda: at.cells("WORKER") == ["pool abc", "abc-1"], "the worker is shown")
        monkeypatch.setattr(pane, "second", lambda: None)
        monkeypatch.setattr(workers, "read_crew", read_once_it_looks)
        monkeypatch.setattr(workers, "look_again", look_until_told)
        on_roster(queue, "abc", "abc-2")
        await at.until(reads.is_set, "the new one is being read")
        look = asyncio.create_task(pane._look())
        await at.until(lambda: at.cells("WORKER") == ["pool abc", "abc-1", "abc-2"], "the new one is shown")
        go_on.set()
        await look
        assert at.cells("WORKER") == ["pool abc", "abc-1", "abc-2"]


async def test_a_stopped_worker_is_shown_as_stopped(queue: LiveQueue) -> None:
    queue.ready_pool()
    [worker] = queue.workers()
    async with live(queue, Place.WORKERS) as at:
        await at.shows_pool()
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            await at.until(lambda: at.cells("STATE")[1:] == ["= stopped"], "it is stopped")
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        await at.until(lambda: at.cells("STATE")[1:] == ["· idle"], "it goes on")


async def test_names_of_hosts_are_shown_harmless(queue: LiveQueue) -> None:
    on_roster(queue, "abc")
    async with live(queue, Place.WORKERS, size=(160, 48)) as at:
        await at.until(lambda: at.cells("HOST") == ["h\\x1b[31mst"], "the host is shown")


async def test_the_tab_tells_how_many_workers_live(queue: LiveQueue) -> None:
    queue.ready_pool(2)
    async with live(queue, Place.WORKERS) as at:
        await at.until(lambda: "3 Workers 2" in at.seen(), "the number is in the tab")


async def test_every_motion_moves_the_cursor(queue: LiveQueue) -> None:
    on_roster(queue, "abc", *(f"abc-{n}" for n in range(1, 60)))
    async with live(queue, Place.WORKERS, size=(80, 24)) as at:
        table = at.pane.table
        await at.until(lambda: len(table.rows) == 60, "all are listed")
        page = table.page
        for key, place in (
            ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("G", 59), ("g", 0), ("end", 59), ("home", 0),
            ("ctrl+d", page // 2), ("ctrl+u", 0), ("pagedown", page), ("pageup", 0), ("ctrl+f", page), ("ctrl+b", 0),
        ):  # fmt: skip
            await at.press(key)
            assert (key, table.cursor) == (key, place)
            assert table.scroll_offset.y <= table.cursor < table.scroll_offset.y + page


async def test_the_cursor_stays_on_its_worker(queue: LiveQueue) -> None:
    on_roster(queue, "b", "b-1", "b-2")
    async with live(queue, Place.WORKERS) as at:
        await at.until(lambda: len(at.pane.table.rows) == 3, "all are listed")
        await at.press("G")
        queue.run(register_worker("b-10", "b", "here", 1, (), 0))
        await at.until(lambda: len(at.pane.table.rows) == 4, "another is listed")
        row = at.pane.table.row
        assert row is not None
        assert row.key == "b-2"


@pytest.mark.parametrize("width", [58, 78, 100, 158])
def test_columns_fit_and_leave_the_command_room(width: int) -> None:
    columns = columns_for(width)

    assert sum(column.width for column in columns) + 2 * (len(columns) - 1) <= width
    assert {"WORKER", "STATE", "FOR", "JOB", "COMMAND"} <= {column.name for column in columns}


async def test_enter_brings_the_job_of_a_worker_into_sight(queue: LiveQueue) -> None:
    gate = queue.gate("gate")
    queue.ready_pool(1)
    job = queue.put(gate.command)
    gate.pid()
    async with live(queue, Place.WORKERS) as at:
        await at.until(lambda: "▶ busy" in at.cells("STATE"), "the worker is busy")
        await at.press("j", "enter")
        await at.until(lambda: at.app.shown is Place.JOBS, "the jobs are in sight")
        await at.until(lambda: at.app.query(JobDetail), "a detail is open")
        await at.until(lambda: (shown := at.app.query_one(JobDetail).job) and shown.id == job, "it is of this job")
        gate.open()


async def test_enter_brings_the_job_of_a_worker_into_sight_where_another_one_is_open(queue: LiveQueue) -> None:
    gate = queue.gate("gate")
    queue.ready_pool(1)
    job = queue.put(gate.command)
    gate.pid()
    other = queue.put("true", delay=3600)
    async with live(queue, Place.WORKERS) as at:
        await at.press("1")
        await at.until(lambda: at.app.shown is Place.JOBS, "the jobs are in sight")
        await at.press("g", "enter")
        await at.until(lambda: at.app.query(JobDetail), "a detail is open")
        detail = at.app.query_one(JobDetail)
        await at.until(lambda: detail.job and detail.job.id == other, "it is of the other job")
        await at.press("3")
        await at.until(lambda: at.app.shown is Place.WORKERS, "the workers are in sight")
        await at.until(lambda: "▶ busy" in at.cells("STATE"), "the worker is busy")
        await at.press("j", "enter")
        await at.until(lambda: detail.job and detail.job.id == job, "the detail is of the job of the worker")
        gate.open()


async def test_what_was_read_may_come_while_the_console_is_taken_apart(queue: LiveQueue) -> None:
    async with live(queue, Place.WORKERS, size=(80, 24)) as at:
        await at.pane.query("Static").remove()
        at.pane.nothing = lambda: Content("news")  # type: ignore[method-assign]
        at.pane.show_rows([])
