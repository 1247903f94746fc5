"""What somebody sees who opens the console on a queue that holds nothing."""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len

from tests.console.consoles import Seat, seat
from tests.store.acts import put


def drawn(here: Seat) -> list[str]:
    """The lines of the table, as they stand on the screen."""
    table = here.table
    return [table.render_line(y).text.rstrip() for y in range(table.size.height)]


async def test_an_empty_queue_says_in_three_lines_what_to_do(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24)) as here:
        await here.until(lambda: any("queuectl enqueue" in line for line in drawn(here)), "it says what to do")
        told = [line for line in drawn(here)[1:] if line]
        assert len(told) == 3
        assert all(cell_len(line) < 80 for line in told)
        assert "--demo" in told[2]


async def test_the_advice_goes_once_there_is_a_job(tmp_path: Path) -> None:
    async with seat(tmp_path, size=(80, 24)) as here:
        await here.until(lambda: any("queuectl enqueue" in line for line in drawn(here)), "it says what to do")
        put(here.store, id="first")
        await here.shows("first")
        assert not any("queuectl enqueue" in line for line in drawn(here))


async def test_a_console_that_may_not_write_does_not_offer_to(tmp_path: Path) -> None:
    async with seat(tmp_path, read_only=True) as here:
        await here.until(lambda: any("from a shell" in line for line in drawn(here)), "it says where jobs come from")
        assert not any("n makes one" in line for line in drawn(here))


async def test_an_empty_dlq_says_what_comes_there(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=lambda store: put(store)) as here:
        await here.press("2")
        await here.until(lambda: here.app.shown.value == "DLQ", "the DLQ is in sight")
        await here.until(lambda: any("No job is dead" in line for line in drawn(here)), "it says that none is dead")
