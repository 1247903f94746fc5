"""What is read of the store, and what is not read twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from queuectl_core.model.job import NewJob
from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.arrivals import enqueue
from queuectl_tui.metrics.reading import Reader
from queuectl_tui.metrics.series import MINUTE_MS, Window, first_minute
from tests.console.metrics.hosting import StoreSession, roll_up
from tests.console.metrics.rows import FIRST, kept, minute, took
from tests.store.engines import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path, clock: Clock) -> Home:
    """A home with an empty store."""
    made = Home(str(tmp_path / "home"))
    with SqliteStore(made, clock=clock):
        pass
    return made


@pytest.fixture
async def session(home: Home, clock: Clock) -> AsyncIterator[StoreSession]:
    opened = StoreSession(home, clock)
    yield opened
    if opened.store is not None:
        await opened.store.close()


async def test_a_window_is_read_whole(session: StoreSession, home: Home) -> None:
    rows = [minute(FIRST - back, ended=1) for back in (14, 1, 0)]
    roll_up(home, [minute(FIRST - 15, ended=9), *rows], [kept(took(FIRST - 14, 5))])

    reading = await Reader(session).read(Window.QUARTER, None)  # type: ignore[arg-type]  # as good as a session

    assert reading.minutes == rows
    assert reading.buckets == [took(FIRST - 14, 5)]


async def test_minutes_that_are_over_are_read_once(session: StoreSession, home: Home, clock: Clock) -> None:
    rows = [minute(FIRST - back, ended=1) for back in (100, 3, 2, 1, 0)]
    roll_up(home, rows, [kept(took(row.minute, 5)) for row in rows])
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session
    await reader.read(Window.HOURS, None)
    session.rows_read = 0
    clock.now += MINUTE_MS
    roll_up(home, [minute(FIRST + 1, ended=4)])

    reading = await reader.read(Window.HOURS, None)

    assert reading.minutes == [*rows, minute(FIRST + 1, ended=4)]
    assert sum(bucket.n for bucket in reading.buckets) == len(rows)
    assert session.rows_read < 12


async def test_what_the_present_minute_gains_is_seen(session: StoreSession, home: Home) -> None:
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session
    await reader.read(Window.QUARTER, None)
    roll_up(home, [minute(FIRST, ended=4), minute(FIRST - 1, ended=2)])

    assert (await reader.read(Window.QUARTER, None)).minutes == [minute(FIRST - 1, ended=2), minute(FIRST, ended=4)]


async def test_a_longer_window_is_read_from_its_beginning(session: StoreSession, home: Home, clock: Clock) -> None:
    rows = [minute(FIRST - back, ended=1) for back in (1000, 5)]
    roll_up(home, rows)
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session

    for window, seen in (
        (Window.QUARTER, rows[1:]),
        (Window.DAY, rows),
        (Window.QUARTER, rows[1:]),
        (Window.DAY, rows),
    ):
        assert (await reader.read(window, None)).minutes == seen


async def test_after_a_long_absence_and_a_clock_set_back_everything_is_read(
    session: StoreSession, home: Home, clock: Clock
) -> None:
    roll_up(home, [minute(FIRST - 3, ended=1)])
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session
    await reader.read(Window.QUARTER, None)

    clock.now += 500 * MINUTE_MS
    assert (await reader.read(Window.QUARTER, None)).minutes == []
    clock.now -= 500 * MINUTE_MS
    assert (await reader.read(Window.QUARTER, None)).minutes == [minute(FIRST - 3, ended=1)]


async def test_nothing_is_kept_of_a_store_that_was_replaced(
    session: StoreSession, home: Home, clock: Clock, tmp_path: Path
) -> None:
    roll_up(home, [minute(FIRST - 9, ended=1)])
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session
    await reader.read(Window.QUARTER, None)

    other = Home(str(tmp_path / "other"))
    with SqliteStore(other, clock=clock):
        pass
    assert session.store is not None
    await session.store.close()
    session.home, session.store = other, None

    assert (await reader.read(Window.QUARTER, None)).minutes == []


@pytest.mark.parametrize(("queue", "counted"), [(None, 5), ("web", 3)])
async def test_histograms_of_a_step_are_added_up(
    session: StoreSession, home: Home, queue: str | None, counted: int
) -> None:
    begin = first_minute(session.now(), Window.HOURS)
    slow = took(begin + 3, 900)
    roll_up(
        home, [], [kept(took(begin, 5, 2), "mail"), kept(took(begin + 1, 5), "web"), kept(took(begin + 2, 5, 2), "web")]
    )
    roll_up(home, [], [kept(slow, "web")])

    reading = await Reader(session).read(Window.HOURS, queue)  # type: ignore[arg-type]  # as good as a session

    assert reading.buckets == [took(begin, 5, counted), slow]


async def test_another_queue_is_read_from_the_beginning(session: StoreSession, home: Home) -> None:
    roll_up(home, [minute(FIRST - 9, "web")], [kept(took(FIRST - 9, 5), "web")])
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session

    for queue, seen in (("mail", 0), ("web", 1), (None, 1), ("mail", 0)):
        assert len((await reader.read(Window.QUARTER, queue)).buckets) == seen


@pytest.mark.parametrize("window", Window)
async def test_what_is_read_bit_by_bit_is_what_is_read_at_once(
    session: StoreSession, home: Home, clock: Clock, window: Window
) -> None:
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session
    for turn in range(40):
        clock.now += MINUTE_MS
        present = clock.now // MINUTE_MS
        late = minute(present - 2, f"late {turn}", ended=1)
        roll_up(home, [late, minute(present, f"queue {turn}", ended=2)], [kept(took(present - turn % 3, 5), f"{turn}")])
        bit_by_bit = await reader.read(window, None)

    at_once = await Reader(session).read(window, None)  # type: ignore[arg-type]  # as good as a session

    assert bit_by_bit == at_once


async def test_queues_and_what_waits_in_them(session: StoreSession, home: Home, clock: Clock) -> None:
    roll_up(home, [minute(FIRST - 1, "gone", ended=1)])
    with SqliteStore(home, clock=clock) as store:
        for queue in ("mail", "mail", "web"):
            store.run(enqueue(NewJob("true", queue=queue)))
    clock.now += 5000
    reader = Reader(session)  # type: ignore[arg-type]  # as good as a session

    together, alone = await reader.read(Window.QUARTER, None), await reader.read(Window.QUARTER, "mail")

    assert together.queues == ("gone", "mail", "web")
    assert (together.depth, together.oldest_ms) == (3, 5000)
    assert (alone.depth, alone.oldest_ms) == (2, None)
