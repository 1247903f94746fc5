"""The glance at a dead job shows the end of its output as a terminal would, and lets none of it act."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from queuectl_core.model.job import Outcome
from queuectl_core.store.statements import Transaction
from queuectl_tui.actions import Place
from queuectl_tui.panes.dlq import DlqPane
from queuectl_tui.panes.peek import Peek
from tests.console.consoles import Seat, seat
from tests.store import acts
from tests.store.engines import BlockingSqlite

T = TypeVar("T")
Glance = Callable[..., AbstractAsyncContextManager[Seat]]


@pytest.fixture
def glance(tmp_path: Path) -> Glance:
    """A look at the glance of a job that died after writing something."""

    @asynccontextmanager
    async def at(tail: bytes, outcome: Outcome = Outcome.FAILED) -> AsyncIterator[Seat]:
        def fill(store: BlockingSqlite) -> None:
            acts.put(store, "make all", id="broken", max_retries=0)
            code = 1 if outcome is Outcome.FAILED else None
            acts.ended(store, acts.started(store), outcome, exit_code=code, duration_ms=10, tail=tail)

        async with seat(tmp_path, size=(160, 40), fill=fill) as here:
            await here.press("2")
            await here.until(lambda: here.app.shown is Place.DLQ and drawn(here), "the job is glanced at")
            yield here

    return at


def drawn(here: Seat) -> list[str]:
    """The rows of the glance, as far as there is anything in them."""
    found = here.app.query(Peek)
    rows = [found.first().render_line(y).text.strip() for y in range(found.first().size.height)] if found else []
    return [row for row in rows if row]


def colours(here: Seat, word: str) -> list[str]:
    """The colour of each segment of the glance that is `word`."""
    peek = here.app.query_one(Peek)
    segments = (segment for y in range(peek.size.height) for segment in peek.render_line(y))
    return [
        segment.style.color.name
        for segment in segments
        if segment.text == word and segment.style and segment.style.color
    ]


async def test_colours_of_output_are_shown_as_colours(glance: Glance) -> None:
    async with glance(b"plain\n\x1b[31mred\x1b[0m text\n") as here:
        await here.until(lambda: drawn(here)[-2:] == ["plain", "red text"], f"the end is shown, not {drawn(here)}")

        [red] = colours(here, "red")
        assert red not in colours(here, "plain")


async def test_of_what_was_overwritten_the_last_state_is_shown(glance: Glance) -> None:
    async with glance(b"\r 10%\r100%\r\na\tb\r\n\r\n") as here:
        await here.until(lambda: drawn(here)[-2:] == ["100%", "a       b"], f"the end is shown, not {drawn(here)}")


async def test_nothing_in_output_acts_on_the_terminal(glance: Glance) -> None:
    async with glance(b"a\x1b]52;c;aGk=\x07b [/red]\x07 \xe2\x80\xaeevil\n") as here:
        await here.until(lambda: "[/red]" in drawn(here)[-1], f"the end is shown, not {drawn(here)}")

        assert drawn(here)[-1] == r"ab [/red]\x07 \u202eevil"


async def test_a_job_that_wrote_nothing_is_said_to_have(glance: Glance) -> None:
    async with glance(b"") as here:
        await here.until(lambda: drawn(here)[-1] == "it wrote nothing", f"that is said, not {drawn(here)}")


async def test_of_a_job_whose_worker_died_nobody_says_that_it_wrote_nothing(glance: Glance) -> None:
    async with glance(b"", Outcome.LOST) as here:
        await here.until(lambda: drawn(here)[-1] == "no output of it is stored", f"that is said, not {drawn(here)}")


async def test_a_glance_that_was_read_for_long_does_not_follow_a_later_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads, go_on = asyncio.Event(), asyncio.Event()

    def two(store: BlockingSqlite) -> None:
        acts.dead(store, id="first")
        acts.dead(store, id="second")

    async with seat(tmp_path, size=(160, 40), fill=two) as here:
        await here.press("2")
        await here.until(lambda: "second" in "".join(drawn(here)), "the latest is glanced at")
        pane, as_usual = here.app.pane, here.app.session.read
        assert isinstance(pane, DlqPane)

        async def held(transaction: Transaction[T]) -> T:
            reads.set()
            await go_on.wait()
            return await as_usual(transaction)

        monkeypatch.setattr(here.app.session, "read", held)
        pane._peeked = None  # as where it has changed
        late = asyncio.create_task(pane._read_peek())
        await reads.wait()
        monkeypatch.undo()
        await here.press("j")
        await here.until(lambda: "first" in "".join(drawn(here)), "the one before is glanced at")
        go_on.set()
        await late
        assert "first" in "".join(drawn(here))
