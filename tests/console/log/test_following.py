"""The log view keeps up with a run that goes on, as long as that is wanted and seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from queuectl_tui.log.files import LogFile
from tests.console.log.host import HEIGHT, append, host_of, names, numbered, source
from tests.console.until import until


async def test_a_run_that_goes_on_is_followed(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)
    assert host.shown() == names(41, 50)

    append(path, numbered(5, first=51))

    await until(pilot, lambda: host.shown() == names(46, 55), what="new output is shown")
    await until(pilot, lambda: host.view.status().lines == 55, what="new lines are counted")


async def test_lines_that_come_are_counted_before_they_are_shown(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)
    await until(pilot, lambda: host.told and host.told[-1].lines == 50, what="the lines are counted")
    host.told.clear()

    for first in range(51, 101, 10):
        append(path, numbered(10, first))
        end = first + 9
        await until(pilot, lambda end=end: host.shown()[-1] == f"line {end}", what="new lines are shown")  # type: ignore[misc]
        assert host.view.status().lines == end

    await until(pilot, lambda: host.told and host.told[-1].lines == 100, what="it is told")
    assert None not in {status.lines for status in host.told}


async def test_lines_that_come_move_nothing_else_on_the_screen(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)
    await until(pilot, lambda: host.view.vertical_scrollbar.position == 50 - HEIGHT, what="the bar is at the end")
    layouts: list[object] = []
    host.screen.screen_layout_refresh_signal.subscribe(host, layouts.append)

    append(path, numbered(50, first=51))
    await until(pilot, lambda: host.view.vertical_scrollbar.position == 100 - HEIGHT, what="the bar is at the end")

    assert host.view.vertical_scrollbar.window_virtual_size == 100
    assert layouts == []


async def test_scrolling_up_stops_following_and_the_end_starts_it_again(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)

    host.view.scroll_lines(-1)
    append(path, numbered(5, first=51))
    await until(pilot, lambda: host.view.status().bytes == len(numbered(55)), what="new output is seen")
    assert (host.shown(), host.view.follow) == (names(40, 49), False)

    host.view.jump_end()
    assert (host.shown(), host.view.follow) == (names(46, 55), True)


async def test_the_owner_can_start_and_stop_following(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)
    host.view.jump_start()

    host.view.follow = True
    await pilot.pause()

    assert host.shown() == names(41, 50)


async def test_a_run_that_ends_keeps_its_place_and_is_no_longer_followed(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)
    append(path, b"the last\n")

    host.view.show(source(path, complete=True), live=False)

    assert host.shown() == [*names(42, 50), "the last"]
    assert not host.view.status().following


async def test_an_unfinished_line_grows_in_its_place(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(b"\r 10%")
    host.view.show(source(path), live=True)
    assert host.shown()[0] == " 10%"

    append(path, b"\r 20%")

    await until(pilot, lambda: host.shown()[0] == " 20%", what="the progress bar moves")


async def test_only_a_log_that_grows_and_is_seen_is_looked_at(
    pilot: Pilot[None], path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(5))
    looks = 0
    look = LogFile.look

    def counting(file: LogFile) -> object:
        nonlocal looks
        looks += 1
        return look(file)

    monkeypatch.setattr(LogFile, "look", counting)
    ticks = 0

    def tick() -> None:
        nonlocal ticks
        ticks += 1

    host.set_interval(0.25, tick)

    async def looks_in_four_ticks() -> int:
        nonlocal looks, ticks
        looks = ticks = 0
        await until(pilot, lambda: ticks >= 4, what="a second passes")
        return looks

    host.view.show(source(path), live=True)
    assert await looks_in_four_ticks() >= 2
    host.push_screen(Screen())
    await pilot.pause()
    assert await looks_in_four_ticks() == 0
    host.pop_screen()
    host.view.display = False
    await pilot.pause()
    assert await looks_in_four_ticks() == 0
    host.view.display = True
    await pilot.pause()
    host.view.show(source(path, complete=True), live=False)
    assert await looks_in_four_ticks() == 0


async def test_the_end_stays_in_sight_while_output_pours_in(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(10))
    host.view.show(source(path), live=True)

    for first in range(11, 20_011, 1000):
        append(path, numbered(1000, first))
        await asyncio.sleep(0)

    await until(pilot, lambda: host.shown()[-1] == "line 20010", what="the view keeps up")
