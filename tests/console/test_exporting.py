"""Exports: which jobs, in which form, and what becomes of the file when something goes wrong."""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from queuectl_core.cli.shapes import job_json
from queuectl_core.model.errors import InvalidInput, Refused
from queuectl_core.model.job import Job, NewJob
from queuectl_core.store.transactions.jobs import page
from queuectl_tui.acting import export_file
from queuectl_tui.acting.export_file import COLUMNS, ExportFile, check_target, look_at
from queuectl_tui.widgets.prompt import Prompt
from tests.console.consoles import Seat, seat
from tests.store.acts import dead, put, put_many
from tests.store.engines import Engine


def three(store: Engine) -> None:
    put(store, "echo a", id="a")
    dead(store, command=["printf", 'quote " and, comma\n'], id="b", queue="mail")
    put(store, "=HYPERLINK('[/red]')", id="c", priority=-5, timeout=90)


def many(store: Engine) -> None:
    put_many(store, *(NewJob(f"echo {n}") for n in range(1, 2101)), batch=1000)


async def asks_where(here: Seat) -> Prompt:
    await here.press("w")
    await here.until(lambda: isinstance(here.app.screen, Prompt), "it asks for a path")
    assert isinstance(here.app.screen, Prompt)
    return here.app.screen


async def exports_to(here: Seat, path: Path) -> None:
    """Press the key, type the path, and press Enter."""
    prompt = await asks_where(here)
    prompt.query_one("Input").value = str(path)  # type: ignore[attr-defined]  # the only one there is
    await here.press("enter")


def ids_in(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def jobs(here: Seat) -> list[Job]:
    return here.store.run(page(limit=5000))


def drafts(folder: Path) -> list[Path]:
    return list(folder.glob(".queuectl-*"))


# ---------------------------------------------------------------- which jobs, in which form


async def test_all_jobs_are_written_as_the_items_of_list_the_newest_first(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    async with seat(tmp_path / "home", fill=three) as here:
        await here.shows("c", "b", "a")
        await exports_to(here, file)
        await here.told_of("wrote 3 jobs", "all.jsonl")

        assert [json.loads(line) for line in file.read_text().splitlines()] == [job_json(job) for job in jobs(here)]
        assert here.app.work is None
        assert drafts(tmp_path) == []


async def test_the_path_offered_is_a_file_in_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with seat(tmp_path / "home", fill=three) as here:
        await here.shows("c", "b", "a")
        await asks_where(here)
        await here.press("enter")
        await here.told_of("wrote 3 jobs")
        assert ids_in(tmp_path / "jobs.jsonl") == ["c", "b", "a"]


async def test_where_some_are_marked_they_alone_are_written(tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    async with seat(tmp_path / "home", fill=three) as here:
        await here.shows("c", "b", "a")
        await here.press("space", "j", "space")
        await exports_to(here, file)
        await here.told_of("wrote 2 jobs")
        assert ids_in(file) == ["c", "a"]


async def test_csv_has_a_header_quotes_and_no_formulas(tmp_path: Path) -> None:
    file = tmp_path / "all.CSV"
    async with seat(tmp_path / "home", fill=three) as here:
        await here.shows("c", "b", "a")
        await exports_to(here, file)
        await here.told_of("wrote 3 jobs")

        with file.open(newline="") as lines:
            c, b, _ = csv.DictReader(lines)
        assert list(c) == list(job_json(jobs(here)[0]))
        assert (c["command"], c["priority"], c["timeout"], c["exit_code"]) == ("'=HYPERLINK('[/red]')", "-5", "90", "")
        assert json.loads(b["command"]) == ["printf", 'quote " and, comma\n']
        assert b'"[""printf"", ' in file.read_bytes()
        assert file.read_bytes().count(b"\r\n") == 4


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1"])
def test_text_that_a_spreadsheet_would_run_is_marked_as_text_in_csv_alone(text: str) -> None:
    assert export_file._cell(text) == f"'{text}"
    assert export_file._cell(-1) == -1
    assert export_file._cell("a=1") == "a=1"


def test_what_could_act_on_a_terminal_is_escaped_in_csv_but_for_line_breaks() -> None:
    assert export_file._cell("one\n\x1b]52;c;aGk=\x07\r") == "one\n\\x1b]52;c;aGk=\\x07\\r"


async def test_many_jobs_are_written_in_portions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    portions: list[int] = []
    add = ExportFile.add

    def noting(file: ExportFile, some: Sequence[Job]) -> None:
        portions.append(len(some))
        add(file, some)

    monkeypatch.setattr(ExportFile, "add", noting)
    file = tmp_path / "all.jsonl"
    async with seat(tmp_path / "home", fill=many) as here:
        await exports_to(here, file)
        await here.told_of("wrote 2,100 jobs")
        assert ids_in(file) == [str(n) for n in range(2100, 0, -1)]
        assert portions == [500, 500, 500, 500, 100]


# ---------------------------------------------------------------- what is there already


async def test_a_file_that_is_there_is_written_over_only_after_a_yes(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_text("precious")
    file.chmod(0o640)
    async with seat(tmp_path / "home", fill=three) as here:
        await here.shows("c", "b", "a")
        await exports_to(here, file)
        assert await here.asked() == f"Write over {file}?"
        await here.press("enter")
        await here.told_of("nothing was written")
        assert file.read_text() == "precious"

        await exports_to(here, file)
        await here.asked()
        await here.press("y")
        await here.told_of("wrote 3 jobs")
        assert ids_in(file) == ["c", "b", "a"]
        assert file.stat().st_mode & 0o777 == 0o640


def test_a_file_that_came_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    file = ExportFile(look_at(str(path)))
    path.write_text("precious")

    with pytest.raises(Refused, match="File exists"):
        file.finish()
    file.discard()

    assert path.read_text() == "precious"
    assert drafts(tmp_path) == []


def test_a_link_stays_and_what_it_points_to_is_written(tmp_path: Path) -> None:
    link, data = tmp_path / "all.csv", tmp_path / "data"
    link.symlink_to(data)
    file = ExportFile(look_at(str(link)))
    file.begin()
    file.finish()
    file.discard()

    assert link.is_symlink()
    assert data.read_text().strip() == ",".join(COLUMNS)


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _failing(errno.EPERM))
    file = ExportFile(look_at(str(tmp_path / "all.jsonl")))
    file.finish()
    file.discard()

    assert [path.name for path in tmp_path.iterdir()] == ["all.jsonl"]


# ---------------------------------------------------------------- what goes wrong


def _failing(number: int) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("path", ["", " ", "jobs.txt", "jobs", "jobs.csv.gz", "a\0b.csv"])
def test_a_path_is_refused_that_says_no_format(path: str) -> None:
    with pytest.raises(InvalidInput, match="path must"):
        check_target(path)


def test_a_tilde_is_the_home_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert check_target(" ~/[/red].csv ") == "/home/me/[/red].csv"


async def test_a_bad_path_is_said_to_be_bad_and_not_taken(tmp_path: Path) -> None:
    async with seat(tmp_path / "home", fill=three) as here:
        await exports_to(here, Path("[/red].txt"))
        wrong = here.app.screen.query_one(".wrong")
        await here.until(lambda: wrong.has_class("-shown"), "it is said")
        assert isinstance(here.app.screen, Prompt)
        await here.press("escape")
        await here.until(lambda: not isinstance(here.app.screen, Prompt), "it is left")
        assert here.told() == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/all.jsonl", "No such file or directory"),
        ("file/all.jsonl", "Not a directory"),
        ("d.csv", "it is no file"),
    ],
)
async def test_a_place_where_no_file_can_be_is_named_in_one_line(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "d.csv").mkdir()
    async with seat(tmp_path / "home", fill=three) as here:
        await exports_to(here, tmp_path / name)
        await here.told_of("cannot write", said)
        assert here.app.work is None


async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _failing(errno.ENOSPC))
    async with seat(tmp_path / "home", fill=three) as here:
        await exports_to(here, tmp_path / "all.jsonl")
        await here.told_of("cannot write", "No space left on device")
        assert [path.name for path in tmp_path.iterdir()] == ["home"]
        assert here.app.work is None


async def test_an_export_that_is_stopped_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with seat(tmp_path / "home", fill=many) as here:
        add = ExportFile.add

        def stopping(file: ExportFile, some: Sequence[Job]) -> None:
            add(file, some)
            here.app.do_halt()

        monkeypatch.setattr(ExportFile, "add", stopping)
        await exports_to(here, tmp_path / "all.jsonl")
        await here.told_of("stopped", "was not written")
        assert [path.name for path in tmp_path.iterdir()] == ["home"]
        assert here.app.work is None


async def test_an_export_that_is_cut_short_by_leaving_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[bool] = []
    monkeypatch.setattr(ExportFile, "begin", lambda _: begun.append(True))
    async with seat(tmp_path / "home", fill=many) as here:
        await exports_to(here, tmp_path / "all.jsonl")
        await here.until(lambda: begun, "it has begun")
        await here.press("q")

    assert drafts(tmp_path) == []


async def test_two_works_do_not_go_on_at_once(tmp_path: Path) -> None:
    from queuectl_tui.acting.work import Work

    async with seat(tmp_path / "home", fill=three) as here:
        here.app.work = Work("retrying", 3)
        await here.press("w")
        await here.told_of("still retrying", "ctrl+x")
