"""The pane at work: what it shows, when it reads and when it draws."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path
from typing import TypeVar

import pytest
from textual.pilot import Pilot

from queuectl_core.model.errors import StoreBusy
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.statements import Transaction
from queuectl_tui.metrics import pane as pane_module
from queuectl_tui.metrics.charts import board
from queuectl_tui.metrics.series import MINUTE_MS, Window
from tests.console.metrics.hosting import MetricsHost, roll_up
from tests.console.metrics.rows import FIRST, kept, minute, took
from tests.console.until import until
from tests.store.engines import Clock

T = TypeVar("T")
SMALL, LARGE = (80, 20), (160, 44)


@pytest.fixture
def host(tmp_path: Path) -> MetricsHost:
    """An app on a store in which two queues were busy an hour ago and just now."""
    clock = Clock()
    clock.now += MINUTE_MS // 2
    home = Home(str(tmp_path / "home"))
    with SqliteStore(home, clock=clock):
        pass
    minutes = [
        minute(FIRST - back, queue, ended=10, completed=10, failed=2, depth=5, duration_max_ms=900)
        for back in (70, 60, 5, 4, 3)
        for queue in ("mail", "web")
    ]
    roll_up(home, minutes, [kept(took(row.minute, 150, 10), row.queue) for row in minutes])
    return MetricsHost(home, clock)


@pytest.fixture
def idle_host(tmp_path: Path) -> MetricsHost:
    """An app on a store without any job."""
    home, clock = Home(str(tmp_path / "home")), Clock()
    with SqliteStore(home, clock=clock):
        pass
    return MetricsHost(home, clock)


async def seen(pilot: Pilot[object], host: MetricsHost, *words: str) -> None:
    """Wait until all words are on the screen."""
    await until(pilot, lambda: all(word in host.shown() for word in words), what=f"{words} in\n{host.shown()}")


async def test_the_pane_shows_its_figures_and_charts(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "all queues · last 15 min", "ended 60", "runs failed 16.7 %", "Durations", "█")


async def test_more_room_brings_more_charts(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Jobs  █ jobs ended")
        await pilot.resize_terminal(*LARGE)
        await seen(pilot, host, "Throughput", "Failures")


async def test_keys_go_through_the_windows(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        for window, figure in ((Window.HOURS, "ended 100"), (Window.DAY, "ended 100"), (Window.QUARTER, "ended 60")):
            await pilot.press("w")
            await seen(pilot, host, f"last {window}", figure)
            assert host.pane.window is window
            assert host.status.startswith(f"steps of {window.step} min")


async def test_keys_go_through_the_queues_and_all_of_them(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "all queues")
        for key, scope in (
            ("]", "queue mail (1 of 2)"),
            ("]", "queue web (2 of 2)"),
            ("]", "all queues"),
            ("[", "queue web"),
        ):
            await pilot.press(key)
            await seen(pilot, host, scope, "ended 60" if scope == "all queues" else "ended 30")


async def test_keys_pressed_while_it_reads_are_not_lost(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "all queues")
        await pilot.press("w", "w", "]", "]")
        await seen(pilot, host, "queue web (2 of 2) · last 24 h", "ended 50")


async def test_without_any_job_it_says_what_to_do(idle_host: MetricsHost) -> None:
    async with idle_host.run_test(size=SMALL) as pilot:
        await seen(pilot, idle_host, "Nothing in the last 15 min", "queuectl enqueue -- COMMAND")
        roll_up(idle_host.session.home, [minute(FIRST - 1, ended=3)])
        await pilot.press("w")
        await seen(pilot, idle_host, "ended 3", "jobs ended")


async def test_changes_that_follow_each_other_are_read_once(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Durations")
        host.session.reads.clear()

        for _ in range(20):
            await host.pane.refresh_from_store()

        assert host.session.reads == []


async def test_what_was_put_off_is_read_in_time(host: MetricsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pane_module, "READ_SECONDS", dict.fromkeys(Window, 0.2))
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "ended 60")
        roll_up(host.session.home, [minute(FIRST, ended=7)])
        await host.pane.refresh_from_store()

        def a_second_passed() -> bool:
            host.pane.second()
            return "ended 67" in host.shown()

        await until(pilot, a_second_passed, what="the last change is shown")


async def test_a_read_that_outlives_what_it_is_shown_in_is_no_trouble(
    host: MetricsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pane_module, "READ_SECONDS", dict.fromkeys(Window, 0.0))
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "ended 60")
        await host.pane.query("*").remove()
        roll_up(host.session.home, [minute(FIRST, ended=7)])
        await host.pane.refresh_from_store()


async def test_time_goes_on_where_nothing_changes(host: MetricsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pane_module, "READ_SECONDS", dict.fromkeys(Window, 0.0))
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "ended 60")
        host.session.reads.clear()
        host.pane.second()
        await pilot.pause()
        assert host.session.reads == []

        monkeypatch.setattr(pane_module, "IDLE_SECONDS", 0.0)
        host.session.now.now += 10 * MINUTE_MS
        host.pane.second()
        await seen(pilot, host, "ended 40")


async def test_charts_are_drawn_again_only_when_something_changed(
    host: MetricsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings = []

    def counted(*picture: object) -> object:
        drawings.append(picture)
        return board(*picture)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(pane_module, "board", counted)
    monkeypatch.setattr(pane_module, "READ_SECONDS", dict.fromkeys(Window, 0.0))
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Durations")
        drawn = len(drawings)
        host.session.reads.clear()

        await host.pane.refresh_from_store()
        assert host.session.reads
        assert len(drawings) == drawn

        roll_up(host.session.home, [minute(FIRST, ended=7)])
        await host.pane.refresh_from_store()
        assert len(drawings) == drawn + 1


async def test_another_theme_is_taken_up(host: MetricsHost) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Durations")
        before = host.pane._drawn
        assert before is not None

        host.theme = "textual-light"

        await until(
            pilot, lambda: host.pane._drawn and host.pane._drawn.styles != before.styles, what="drawn in other colours"
        )


async def test_a_store_that_cannot_be_read_leaves_the_charts(
    host: MetricsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Durations", "ended 60")

        async def refuse(*_: object) -> None:
            raise StoreBusy("the store is busy")

        with monkeypatch.context() as patched:
            patched.setattr(host.session, "read", refuse)
            await pilot.press("w")
            await until(pilot, lambda: host.troubles, what="the trouble is told")
            assert "Durations" in host.shown()

        host.pane._due = 0.0
        host.pane.second()
        await seen(pilot, host, "last 3 h", "ended 100")


async def test_a_change_that_comes_while_it_reads_does_not_keep_what_it_reads_from_passing_for_live(
    host: MetricsHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_usual, begun, go_on = host.session.read, asyncio.Event(), asyncio.Event()

    async def refused(*_: object) -> None:
        raise StoreBusy("the store is busy")

    async def held(transaction: Transaction[T]) -> T:
        begun.set()
        await go_on.wait()
        return await as_usual(transaction)

    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Durations", "ended 60")
        monkeypatch.setattr(host.session, "read", refused)
        await pilot.press("w")
        await until(pilot, lambda: host.pane.trouble, what="it is not live")

        monkeypatch.setattr(host.session, "read", held)
        host.pane._due = 0.0
        host.pane.second()
        await until(pilot, begun.is_set, what="it reads again")
        await host.pane.read_quietly()
        assert host.pane.trouble
        go_on.set()
        await until(pilot, lambda: not host.pane.trouble, what="it is live again")
        assert host.pane._stale, "the change is still to be read"


async def test_plotext_is_never_loaded_on_the_event_loop(host: MetricsHost, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def noted(*picture: object) -> object:
        threads.append(threading.current_thread())
        return board(*picture)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(pane_module, "board", noted)
    async with host.run_test(size=SMALL) as pilot:
        await seen(pilot, host, "Durations")

    assert threads
    assert threading.main_thread() not in threads
    assert "plotext" in sys.modules
