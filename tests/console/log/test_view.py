"""The log view shows a run's output from any place, follows it, and says what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from queuectl_tui.log import reading as notices
from tests.console.log.host import HEIGHT, WIDTH, Host, host_of, names, numbered, source
from tests.console.until import until


async def test_an_ended_run_is_shown_from_its_start(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(100))

    host.view.show(source(path), live=False)

    assert host.shown() == names(1, HEIGHT)
    await until(pilot, lambda: host.told and host.told[-1].lines == 100, what="the lines are counted")
    assert host.told[-1] == (100, 1, len(numbered(100)), False, False, None)


async def test_every_motion_goes_where_it_says(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(100))
    view = host.view
    view.show(source(path), live=False)

    motions: list[Callable[[], None]] = [
        lambda: view.scroll_lines(1),
        lambda: view.scroll_pages(1),
        lambda: view.scroll_pages(0.5),
        lambda: view.scroll_lines(-3),
        lambda: view.scroll_pages(-1),
        view.jump_end,
        lambda: view.scroll_lines(5),
        lambda: view.scroll_lines(-1),
        view.jump_start,
        lambda: view.scroll_lines(-5),
    ]
    seen = []
    for motion in motions:
        motion()
        seen.append(host.shown()[0])

    assert seen == [f"line {number}" for number in (2, 11, 16, 13, 4, 91, 91, 90, 1, 1)]


async def test_a_short_log_stays_at_its_start(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(b"one\ntwo")
    host.view.show(source(path), live=False)

    host.view.jump_end()
    host.view.scroll_pages(1)

    assert host.shown() == ["one", "two", *[""] * (HEIGHT - 2)]
    assert host.view.status().at_end


async def test_a_missing_file_is_waited_for(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    host.view.show(source(path), live=True)
    assert host.shown()[0] == notices.WAITING

    path.write_bytes(b"here\n")

    await until(pilot, lambda: host.shown()[0] == "here", what="the file is shown")


async def test_the_stored_end_stands_below_a_line_that_says_so(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)

    host.view.show(source(path, b"a\nb\n", complete=True), live=False)

    assert host.shown()[:4] == [notices.ONLY_END[: WIDTH - 1], "a", "b", ""]


@pytest.mark.parametrize("end", ["cut", "removed", "replaced"])
async def test_what_becomes_of_the_file_is_said(pilot: Pilot[None], path: Path, end: str) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(50))
    host.view.show(source(path), live=True)
    other = path.with_suffix(".other")
    other.write_bytes(b"another\n")

    match end:
        case "cut":
            path.write_bytes(b"new\n")
            expected = [notices.CUT, "new"]
        case "removed":
            path.unlink()
            expected = [notices.REMOVED, "line 42"]
        case _:
            other.rename(path)
            expected = [notices.REPLACED, "another"]

    await until(pilot, lambda: host.shown()[0] == expected[0][: WIDTH - 1].rstrip(), what="it is said")
    assert host.shown()[1] == expected[1]


async def test_a_file_cut_short_under_an_ended_run_is_no_crash(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(100_000))
    host.view.show(source(path), live=False)
    path.write_bytes(b"left\n")

    host.view.jump_end()

    assert host.shown()[:2] == [notices.CUT[: WIDTH - 1].rstrip(), "left"]


async def test_wrapped_lines_go_on_in_the_next_row(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    columns = WIDTH - 1
    path.write_bytes(b"a" * (columns + 3) + b"\nshort\n" + "日".encode() * 30)
    host.view.show(source(path), live=False)

    host.view.wrap = True
    await pilot.pause()

    assert host.shown()[:5] == ["a" * columns, "aaa", "short", "日" * (columns // 2), "日" * (30 - columns // 2)]
    host.view.scroll_lines(1)
    assert host.shown()[0] == "a" * columns  # everything is in sight


async def test_long_lines_are_scrolled_sideways_as_far_as_they_reach(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(b"0123456789" * 10 + b"\n" + "日本".encode() * 20)
    host.view.show(source(path), live=False)

    host.view.scroll_columns(5)
    assert host.shown()[0].startswith("5678")
    assert host.shown()[1].startswith(" 本日")
    host.view.scroll_columns(1000)
    assert host.shown()[0].endswith("0123456789")
    assert len(host.shown()[0]) == WIDTH - 1
    host.view.scroll_columns(-1000)
    assert host.shown()[0].startswith("0123")


async def test_a_line_of_many_megabytes_is_shown_in_pieces(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(b"x" * 50_000_000 + b"END")
    host.view.show(source(path), live=False)
    assert host.shown() == ["x" * (WIDTH - 1)] * HEIGHT

    host.view.wrap = True
    await pilot.pause()
    host.view.jump_end()

    assert host.shown()[-1].endswith("xEND")


async def test_escapes_in_output_do_not_reach_the_screen(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(b"a\x1b]52;c;aGk=\x07b [/red] \x1b[31mred\x1b[0m \x9b\n")
    host.view.show(source(path), live=False)

    assert host.shown()[0] == "ab [/red] red \ufffd"
    assert any("color(1)" in style for style in host.drawn_as("red"))


async def test_the_scroll_bar_counts_in_lines(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(1000))
    view = host.view
    view.show(source(path), live=False)
    await until(pilot, lambda: view.virtual_size.height == 1000, what="the lines are counted")

    view.scroll_lines(123)
    assert view.vertical_scrollbar.position == 123
    view.jump_end()
    assert view.vertical_scrollbar.position == 1000 - HEIGHT


async def test_nothing_is_shown_once_the_source_is_taken_away(pilot: Pilot[None], path: Path) -> None:
    host = host_of(pilot)
    path.write_bytes(numbered(5))
    host.view.show(source(path), live=True)

    host.view.show(None, live=False)

    assert host.shown() == [""] * HEIGHT
    assert host.view.status() == (0, None, 0, True, False, None)


async def test_a_view_that_was_told_what_to_show_before_it_had_a_size_shows_it(path: Path) -> None:
    path.write_bytes(numbered(50))

    class Early(Host):
        def on_mount(self) -> None:
            self.view.show(source(path), live=True)

    async with Early().run_test(size=(WIDTH, HEIGHT)) as pilot:
        host = host_of(pilot)
        await until(pilot, lambda: host.shown() == names(41, 50), what="the end is shown")
