"""The console fits the terminal, whatever becomes of its size."""

from __future__ import annotations

from tests.console.terminal.conftest import Console
from tests.console.terminal.screen import Screen
from tests.store.acts import put
from tests.store.engines import BlockingSqlite


def test_it_follows_the_size_of_the_window_there_and_back(console: Console, store: BlockingSqlite) -> None:
    for n in range(60):
        put(store, f"echo row-{n}")
    with console(columns=80, rows=24) as screen:
        screen.shows("echo row-59", "? Help")
        _fits(screen, 80, 24)

        screen.resize(160, 48)
        _fits(screen, 160, 48)
        screen.shows("echo row-59", "echo row-20")

        screen.resize(40, 10)
        screen.until(lambda: _texts(screen) == ["no room: 40×10, the console needs 60×15"], "one line says so")

        screen.resize(80, 24)
        screen.shows("echo row-59", "? Help")
        _fits(screen, 80, 24)
        screen.press("q")
        assert screen.ended() == 0
        screen.assert_restored()


def test_a_burst_of_sizes_ends_at_the_last(console: Console, store: BlockingSqlite) -> None:
    put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row")

        for columns in range(61, 140, 3):
            screen.resize(columns, 20 + columns % 17)
        screen.resize(90, 26)

        _fits(screen, 90, 26)
        screen.shows("echo first-row")


def test_keys_work_where_there_is_no_room(console: Console, store: BlockingSqlite) -> None:
    put(store, "echo first-row")
    with console(columns=40, rows=10) as screen:
        screen.shows("no room: 40×10")

        screen.press("q")

        assert screen.ended() == 0
        screen.assert_restored()


def _texts(screen: Screen) -> list[str]:
    return [line.strip() for line in screen.lines if line]


def _fits(screen: Screen, columns: int, rows: int) -> None:
    """The badge ends at the right edge of the first line, and the footer is on the last."""
    screen.until(
        lambda: (
            screen.lines[0].endswith("● live")
            and columns - 2 <= len(screen.lines[0]) <= columns
            and "Help" in screen.lines[rows - 1]
        ),
        f"it fits {columns} by {rows}",
    )
