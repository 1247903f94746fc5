"""What the console looks like, held against pictures that somebody has looked at and accepted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from queuectl_core.store.home import Home
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_tui.app import QueueConsole
from queuectl_tui.demo import still
from queuectl_tui.session import Session
from tests.console.snapshots import pictures
from tests.console.snapshots.pictures import ACCEPTED, hold_against_accepted
from tests.console.snapshots.scenes import SCENES, SIZES, Scene, has_read
from tests.console.until import until

NOW = 1_795_514_345_000
"""The instant of every picture (ms since the epoch): 24 November 2026, 09:59:05 UTC."""

HOME = ".local/share/queuectl"
"""Where in a person's directory the store is: the header then shows a path that is the same on every machine."""

FULL, EMPTY = "full", "empty"
TAKEN = [
    pytest.param(kind, scene, size, id=f"{kind}-{scene.name}-{size[0]}x{size[1]}")
    for kind in (FULL, EMPTY)
    for scene in SCENES
    for size in SIZES
    if kind == FULL or scene.everywhere
]


@pytest.fixture(scope="module")
def persons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """The directories of two people: one has a queue at work, the other an empty one. Nothing here writes to them."""
    found = {kind: tmp_path_factory.mktemp(kind) for kind in (FULL, EMPTY)}
    full, empty = (Home(str(found[kind] / HOME)) for kind in (FULL, EMPTY))
    still.fill(full, NOW)
    with SqliteStore(empty, clock=lambda: NOW):
        pass
    with still.attended(full):
        yield found


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing of the machine and its user is in sight."""
    for name in ("NO_COLOR", "COLORTERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    # The pids of the still demo are made up: who has them here does not matter.
    monkeypatch.setattr("queuectl_core.execution.roster.is_stopped", lambda _pid: False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("kind", "scene", "size"), TAKEN)
async def test_it_looks_as_it_was_accepted(
    kind: str,
    scene: Scene,
    size: tuple[int, int],
    persons: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(persons[kind]))
    session = Session(Home(str(persons[kind] / HOME)), clock=lambda: NOW)
    await session.open()
    app = QueueConsole(session)
    async with app.run_test(size=size) as pilot:
        app.animation_level = "none"
        await until(pilot, lambda: app.panes and has_read(app) and app.vital.jobs, what="the console has read")
        for step in scene.steps:
            await pilot.press(step.key)
            await until(pilot, lambda step=step: step.there(app), what=f"{step.key} has done its work")  # type: ignore[misc]
        for line in app.screen.query(Input):
            line.cursor_blink = False
        await hold_against_accepted(pilot, name_of(kind, scene, size), tmp_path)


def name_of(kind: str, scene: Scene, size: tuple[int, int]) -> str:
    """The name of a picture, without its ending."""
    return f"{scene.name}{'-empty' if kind == EMPTY else ''}-{size[0]}x{size[1]}"


def test_every_accepted_picture_is_still_taken() -> None:
    taken = {f"{name_of(*param.values)}.svg" for param in TAKEN}  # type: ignore[arg-type]
    left = {file.name for file in ACCEPTED.iterdir()} - taken
    if pictures.accepting():
        for name in left:
            (ACCEPTED / name).unlink()
        left = set()

    assert left == set(), "remove them"
