"""Copying ids and jobs: what is put into the clipboard, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from queuectl_core.cli.shapes import job_with_history_json
from queuectl_core.store.transactions.changes import cancel, delete
from queuectl_core.store.transactions.jobs import show
from queuectl_tui.acting import copying
from tests.console.consoles import seat
from tests.store.acts import dead, put
from tests.store.engines import Engine


def three(store: Engine) -> None:
    for name in ("a", "b", "c"):
        put(store, f"echo {name}", id=name)


def one_hostile(store: Engine) -> None:
    dead(store, command="echo [/red] \x1b]52;c;aGk=\x07", env={"TOKEN": "s3cret"})


async def test_the_id_under_the_cursor_is_copied(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        await here.press("j", "y")
        await here.told_of("copied the id b")
        assert here.app.clipboard == "b"


async def test_the_ids_of_marked_jobs_are_copied_one_a_line(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        await here.press("space", "j", "space", "y")
        await here.told_of("copied 2 ids")
        assert sorted(here.app.clipboard.split("\n")) == ["a", "c"]


async def test_all_that_match_are_copied_but_for_those_that_are_gone(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        await here.press("asterisk")
        await here.until(lambda: here.listed.marks.everything, "all are marked")
        here.store.run(cancel(["b"]))
        here.store.run(delete(["b"]))
        await here.press("y")
        await here.told_of("copied 2 ids")
        assert here.app.clipboard == "c\na"


@pytest.mark.parametrize(
    ("most", "told"), [(3, "copied 3 ids"), (2, "copied 2 ids; there are more"), (1, "copied 1 id;")]
)
async def test_what_is_too_many_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, told: str
) -> None:
    monkeypatch.setattr(copying, "MOST_COPIED", most)
    async with seat(tmp_path, fill=three) as here:
        await here.shows("c", "b", "a")
        await here.press("asterisk")
        await here.until(lambda: here.listed.marks.everything, "all are marked")
        await here.press("y")
        await here.told_of(told)
        assert here.app.clipboard.split("\n") == ["c", "b", "a"][:most]
        assert ("w writes all to a file" in here.told()[-1]) is (most < 3)


async def test_a_job_is_copied_as_json_with_its_history_and_without_its_secrets(tmp_path: Path) -> None:
    async with seat(tmp_path, fill=one_hostile) as here:
        await here.shows("1")
        await here.press("ctrl+y")
        await here.told_of("copied job 1 as JSON")

        assert json.loads(here.app.clipboard) == job_with_history_json(*here.store.run(show("1")))
        assert json.loads(here.app.clipboard)["env"] == ["TOKEN"]
        assert "s3cret" not in here.app.clipboard
        assert here.app.clipboard.replace("\n", "").isprintable()


async def test_where_there_is_no_job_nothing_is_copied(tmp_path: Path) -> None:
    async with seat(tmp_path) as here:
        await here.press("y", "ctrl+y")
        assert here.app.clipboard == ""
        assert here.told() == []
