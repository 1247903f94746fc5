"""Messages: told once, and out of the way of what is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.console.consoles import seat
from tests.store.acts import dead
from tests.store.engines import Engine


def one_dead(store: Engine) -> None:
    dead(store, id="one", command="false")


@pytest.mark.parametrize("key", ["D", "i", "n", "question_mark", "colon"])
async def test_messages_go_when_a_question_or_a_prompt_opens(tmp_path: Path, key: str) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        await here.shows("one")
        here.app.tell("something that went wrong", error=True)
        await here.until(lambda: here.told() == ["something that went wrong"], "it is told")

        await here.press(key)

        await here.until(lambda: len(here.app.screen_stack) == 2, "it asks")
        assert here.told() == []


async def test_what_is_told_as_a_question_closes_stays(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        await here.shows("one")
        await here.press("D")
        await here.asked()
        await here.press("n")
        await here.until(lambda: here.told() == ["nothing was deleted"], "it is told")


async def test_what_is_told_again_is_in_sight_once(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_dead) as here:
        await here.shows("one")
        for text in ("the same", "another", "the same", "the same"):
            here.app.tell(text)

        await here.until(lambda: here.told() == ["another", "the same"], "each is told once")
