"""What the console remembers: the file it is kept in, whatever happened to that, and how a console takes it up."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.actions import Place
from queuectl_tui.app import QueueConsole
from queuectl_tui.listing.job_list import JobList
from queuectl_tui.remembered import MOST_FILTERS, Choices, Memory, Sort, choices_file, load, save
from queuectl_tui.session import Session
from tests.console.until import until

SOME = Choices(
    theme="queuectl-light",
    pane=Place.DLQ,
    sorts=((Place.JOBS, Sort(SortColumn.QUEUE, False)),),
    filters=("state:dead", 'cmd:"[/red] ä"'),
)


def file_in(folder: Path) -> str:
    return str(folder / "config" / "console.json")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    assert save(file_in(tmp_path), SOME)
    assert load(file_in(tmp_path)) == SOME


def test_the_file_and_its_folder_are_for_their_owner_alone(tmp_path: Path) -> None:
    save(file_in(tmp_path), SOME)

    assert stat.S_IMODE(os.stat(file_in(tmp_path)).st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o700
    assert os.listdir(tmp_path / "config") == ["console.json"], "no draft is left"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"theme": 3, "pane": ["Jobs"], "sorts": [1], "filters": {"a": 1}}',
        b'{"theme": "no-such", "pane": "Everywhere", "sorts": {"Jobs": ["id"], "No": ["id", true]}}',
        b'{"theme": ["x"], "sorts": {"Jobs": [["id"], true], "DLQ": ["no", true], "Config": ["id", 1]}}',
        b'{"filters": ["a\\u001b[2Jb", "\\ud800"]}',
    ],
)
def test_a_file_that_makes_no_sense_is_as_good_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "console.json").write_bytes(content)

    assert load(str(tmp_path / "console.json")) == Choices()


def test_what_makes_sense_in_a_damaged_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "console.json").write_text(json.dumps({"theme": 1, "pane": "DLQ", "filters": ["a", 7, "b"], "new": 1}))

    assert load(str(tmp_path / "console.json")) == Choices(pane=Place.DLQ, filters=("a", "b"))


def test_a_file_that_is_a_folder_or_missing_is_as_good_as_none(tmp_path: Path) -> None:
    assert load(str(tmp_path)) == Choices()
    assert load(file_in(tmp_path)) == Choices()


def test_where_nothing_can_be_written_nothing_happens(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file where the folder should be")

    assert not save(file_in(tmp_path), SOME)
    assert not save(str(tmp_path), SOME), "what stands there is a folder"
    assert os.listdir(tmp_path) == ["config"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    link = tmp_path / "console.json"
    link.symlink_to(tmp_path / "dotfiles" / "console.json")

    assert save(str(link), SOME)
    assert link.is_symlink()
    assert load(str(tmp_path / "dotfiles" / "console.json")) == SOME


def test_the_file_is_in_the_users_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/cfg")
    assert choices_file() == "/cfg/queuectl/console.json"
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative/is/ignored")
    assert choices_file() == "/home/me/.config/queuectl/console.json"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert choices_file() == "/home/me/.config/queuectl/console.json"


def test_the_last_filters_are_kept_the_newest_first_and_each_once() -> None:
    choices = Choices()
    for n in range(60):
        choices = choices.filtered_by(f"word{n}")
    choices = choices.filtered_by("word50").filtered_by("")

    assert choices.filters[:2] == ("word50", "word59")
    assert len(choices.filters) == len(set(choices.filters)) == MOST_FILTERS


async def test_two_consoles_do_not_forget_for_each_other(tmp_path: Path) -> None:
    one, other = Memory(file_in(tmp_path)), Memory(file_in(tmp_path))
    await one.filtered_by("from:one".replace(":", "-"))
    await other.filtered_by("from-other")
    await one.themed("queuectl-light")

    assert load(file_in(tmp_path)) == Choices("queuectl-light", Place.JOBS, (), ("from-other", "from-one"))


async def test_without_a_path_nothing_is_written_but_known_while_it_lasts(tmp_path: Path) -> None:
    memory = Memory()
    await memory.filtered_by("a")

    assert memory.choices.filters == ("a",)
    assert os.listdir(tmp_path) == []


async def test_a_console_begins_as_the_last_one_was_left(tmp_path: Path) -> None:
    path = file_in(tmp_path)
    await use(tmp_path, path, ["t", "s", "2"], shown=Place.DLQ)
    left = load(path)
    assert left.theme != ""
    assert left.pane is Place.DLQ
    assert left.sort_in(Place.JOBS) == Sort(SortColumn.STATE, False)

    app = await use(tmp_path, path, ["1"], shown=Place.JOBS)
    jobs = app.panes[Place.JOBS]
    assert app.theme == left.theme
    assert isinstance(jobs, JobList)
    assert (jobs.order.column, jobs.order.descending) == (SortColumn.STATE, False)
    assert jobs.table.sorted_by == (SortColumn.STATE, False)
    assert jobs.order.filter.is_empty


async def test_a_remembered_order_that_cannot_be_had_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.console.consoles import seat
    from tests.store.acts import put

    monkeypatch.setattr("queuectl_tui.listing.order.MOST_SORTED", 1)
    path = file_in(tmp_path)
    save(path, Choices(sorts=((Place.JOBS, Sort(SortColumn.STATE, False)),)))
    monkeypatch.setattr("queuectl_tui.app.Memory", lambda: Memory(path))
    async with seat(tmp_path / "home", fill=lambda store: [put(store, id=name) for name in "abc"].clear()) as here:
        await here.shows("c", "b", "a")
        assert here.told() == []
        assert here.listed.order.column is SortColumn.ID


async def use(folder: Path, path: str, keys: list[str], shown: Place) -> QueueConsole:
    """Open a console that remembers, press keys, wait for a pane and leave."""
    session = Session(Home(str(folder / "home")))
    await session.open()
    app = QueueConsole(session, memory=Memory(path))
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.vital.jobs, what="the console has read the store")
        for key in keys:
            before = app.memory.choices
            await pilot.press(key)
            await until(pilot, lambda before=before: app.memory.choices != before, what=f"{key} is remembered")  # type: ignore[misc]
        await until(pilot, lambda: app.shown is shown, what=f"{shown} is in sight")
        await until(pilot, lambda: load(path) == app.memory.choices, what="all is written")
    return app
