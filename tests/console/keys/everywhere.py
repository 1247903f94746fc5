"""What the keys do that apply everywhere. Each leaves the place as it was, so that one console does for all."""

from __future__ import annotations

from queuectl_core.model.job import JobState
from queuectl_tui.acting.undo import Change
from queuectl_tui.acting.work import Work
from queuectl_tui.actions import PANE_ACTIONS, Place
from queuectl_tui.help.screen import HelpScreen
from queuectl_tui.looks import themes
from queuectl_tui.palette.command_line import CommandPrompt
from queuectl_tui.palette.palette import QueuePalette
from tests.console.keys.at import PANE_OF, At, Row


async def undo(there: At) -> None:
    async def back() -> str:
        return f"all is as it was in {there.place}"

    there.app.undo.add(Change("something", back))
    await there.tap()
    await there.here.told_of(f"all is as it was in {there.place}")


async def command(there: At) -> None:
    await there.tap()
    await there.opens(CommandPrompt)
    await there.leaves()


async def palette(there: At) -> None:
    await there.tap()
    await there.opens(QueuePalette)
    await there.leaves()


async def halt(there: At) -> None:
    work = there.app.work = Work("counting", 3)
    await there.tap()
    await there.until(lambda: work.stopped, "the work is stopped")
    there.app.work = None


async def theme(there: At) -> None:
    before = there.app.theme
    await there.tap()
    await there.until(lambda: there.app.theme == themes.after(before), "the next theme is worn")


async def back(there: At) -> None:
    match there.place:
        case Place.JOBS | Place.DLQ:
            job = await there.job(JobState.DEAD)
            there.browser.marks.toggle(job.number)
            await there.tap()
            await there.until(lambda: not there.browser.marks, "nothing is marked")
        case Place.DETAIL:
            await there.tap()
            await there.until(lambda: there.browser.detail is None and there.browser.table.has_focus, "it is left")
            await there.arrive()
        case _:  # here is nothing to leave: it comes as far as the app
            left: list[Place] = []
            with there.monkeypatch.context() as patch:
                patch.setattr(there.app, "do_back", lambda: left.append(there.place))
                await there.tap()
            assert left == [there.place]


def _to_pane(name: str) -> Row:
    wanted = PANE_ACTIONS[name]

    async def row(there: At) -> None:
        others = [place for place in there.app.panes if place is not wanted]
        if PANE_OF[there.place] is wanted and others:
            there.app.shown = others[0]  # so that it is seen to come back
        await there.tap()
        await there.until(
            lambda: there.app.shown is wanted and there.app.pane.display and there.app.pane.has_focus_within,
            f"{wanted} is in sight and has the keys",
        )
        await there.arrive()

    return row


async def help_(there: At) -> None:
    await there.tap()
    await there.opens(HelpScreen)
    assert isinstance(there.app.screen, HelpScreen)
    assert there.app.screen._parts[0].title == there.place.value
    await there.leaves()


async def quit_(there: At) -> None:
    left: list[int] = []
    with there.monkeypatch.context() as patch:
        patch.setattr(there.app, "exit", left.append)  # the others in this console come after it
        await there.tap()
        await there.until(lambda: left, "the console leaves")
    assert left == [0]


ROWS: dict[str, Row] = {
    "undo": undo,
    "command": command,
    "palette": palette,
    "halt": halt,
    "theme": theme,
    "back": back,
    **{name: _to_pane(name) for name in PANE_ACTIONS},
    "help": help_,
    "quit": quit_,
}
