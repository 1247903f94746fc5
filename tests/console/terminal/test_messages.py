"""Messages, as they lie on the screen."""

from __future__ import annotations

from tests.console.terminal.conftest import Console
from tests.store.acts import dead
from tests.store.engines import BlockingSqlite


def test_a_message_goes_from_the_screen_as_a_question_opens(console: Console, store: BlockingSqlite) -> None:
    dead(store)
    with console(columns=80, rows=24) as screen:
        screen.shows("● live", "dead")
        screen.press("c")
        screen.shows("cancelled 0 jobs")

        screen.press("D")

        screen.shows("[y/N]")
        screen.until(lambda: "cancelled 0 jobs" not in screen.text, "it makes room", seconds=3)
