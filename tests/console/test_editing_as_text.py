"""Jobs edited as JSON, at the console: what the editor leaves, and what becomes of it.

The app of a test has no terminal to give away, so `suspend` is stood in for where that is not the point.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from queuectl_core.model.errors import Refused
from queuectl_tui.app import QueueConsole
from queuectl_tui.forms.editor import editor_command
from tests.console.consoles import Seat, seat
from tests.console.test_editing import jobs, one_is_dead, one_runs, one_waits, one_was_cancelled

Editor = Callable[[str], Path]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Makes $EDITOR a shell script, whose `$1` is the file; answers with the folder that it may note things in."""
    notes = tmp_path / "notes"
    notes.mkdir()
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    monkeypatch.setattr(QueueConsole, "suspend", _suspend)
    monkeypatch.setattr("tempfile.tempdir", str(drafts))
    monkeypatch.delenv("VISUAL", raising=False)

    def make(script: str) -> Path:
        path = tmp_path / "an editor"
        path.write_text(f'#!/bin/sh\ncd \'{notes}\'\nls -ln "$1" > listing; cp "$1" given\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv("EDITOR", f"'{path}'")
        return notes

    return make


@contextmanager
def _suspend(_: QueueConsole) -> Iterator[None]:
    yield


def nothing_is_left(folder: Path) -> bool:
    return list((folder / "drafts").iterdir()) == []


async def edited(here: Seat) -> None:
    await here.shows("one")
    await here.press("ctrl+e")


async def test_a_job_that_waits_is_changed_as_its_json_was(tmp_path: Path, editor: Editor) -> None:
    notes = editor("""sed -i 's/"priority": 0/"priority": 9/; s/echo one/echo [\\/red]/' "$1"; cp "$1" "$1~" """)
    async with seat(tmp_path / "home", fill=one_waits) as here:
        await edited(here)
        await here.told_of("changed job one")

        [job] = jobs(here)
        assert (job.command, job.priority, dict(job.env)) == ("echo [/red]", 9, {"TOKEN": "s3cret"})
        assert (notes / "listing").read_text().startswith("-rw------- ")
        assert set(json.loads((notes / "given").read_text())) == {
            "command", "queue", "priority", "max_retries", "timeout", "run_at", "cwd", "env"
        }  # fmt: skip
        assert nothing_is_left(tmp_path)


@pytest.mark.parametrize("script", ["true", 'echo >> "$1"', ': > "$1"', 'rm "$1"'])
async def test_text_that_is_as_it_was_or_empty_changes_nothing(tmp_path: Path, editor: Editor, script: str) -> None:
    editor(script)
    async with seat(tmp_path / "home", fill=one_is_dead) as here:
        await edited(here)
        await here.told_of("nothing was changed")

        assert [job.state for job in jobs(here)] == ["dead"]
        assert nothing_is_left(tmp_path)


async def test_a_dead_job_is_changed_and_sent_back(tmp_path: Path, editor: Editor) -> None:
    editor("""sed -i 's/"true"/"false"/' "$1" """)
    async with seat(tmp_path / "home", fill=one_is_dead) as here:
        await edited(here)
        await here.told_of("changed job one and sent it back")
        assert [(job.command, job.state) for job in jobs(here)] == [("false", "pending")]


async def test_a_job_that_has_otherwise_ended_is_enqueued_again(tmp_path: Path, editor: Editor) -> None:
    editor("""sed -i 's/^{/{"id": "two",/' "$1" """)
    async with seat(tmp_path / "home", fill=one_was_cancelled) as here:
        await edited(here)
        await here.told_of("enqueued job two")
        assert [(job.id, job.state) for job in jobs(here)] == [("two", "pending"), ("one", "cancelled")]


async def test_a_job_that_runs_is_not_edited(tmp_path: Path, editor: Editor) -> None:
    notes = editor("true")
    async with seat(tmp_path / "home", fill=one_runs) as here:
        await edited(here)
        await here.told_of("job one is processing")
        assert not (notes / "given").exists()


async def test_bad_json_can_be_edited_again_and_is_not_lost(tmp_path: Path, editor: Editor) -> None:
    editor("""if [ -e again ]; then echo '{"command": "good", "max_retries": 1, "cwd": "/"}' > "$1"
              else touch again; echo 'bad [/red]' > "$1"; fi""")
    async with seat(tmp_path / "home", fill=one_waits) as here:
        await edited(here)
        assert "not valid JSON" in await here.asked()
        await here.press("y")
        await here.told_of("changed job one")

        assert (tmp_path / "notes" / "given").read_text() == "bad [/red]\n"
        assert jobs(here)[0].command == "good"


async def test_text_that_was_left_is_there_the_next_time(tmp_path: Path, editor: Editor) -> None:
    notes = editor("printf 'not \\377 UTF-8' > \"$1\"")
    async with seat(tmp_path / "home", fill=one_waits) as here:
        before = jobs(here)
        await edited(here)
        await here.asked()
        await here.press("n")
        await here.told_of("what you wrote is kept")
        assert nothing_is_left(tmp_path)

        editor(': > "$1"')
        await here.press("ctrl+e")
        await here.until(lambda: (notes / "given").read_bytes() == b"not \xff UTF-8", "it is there again")
        await here.until(lambda: "nothing was changed" in here.told(), "an emptied file gives it up")
        assert jobs(here) == before


@pytest.mark.parametrize(
    ("script", "said"),
    [("exit 3", "the editor ended with status 3"), ("kill -9 $$", "the editor was ended by SIGKILL")],
)
async def test_an_editor_that_fails_changes_nothing(tmp_path: Path, editor: Editor, script: str, said: str) -> None:
    editor(script)
    async with seat(tmp_path / "home", fill=one_waits) as here:
        await edited(here)
        await here.told_of(said)
        assert nothing_is_left(tmp_path)


async def test_what_was_written_before_an_editor_failed_can_be_edited_on(tmp_path: Path, editor: Editor) -> None:
    editor("""echo '{"command": "echo unfinished"}' > "$1"; exit 3""")
    async with seat(tmp_path / "home", fill=one_waits) as here:
        await edited(here)
        assert await here.asked() == "the editor ended with status 3. Edit it again?"
        assert jobs(here)[0].command == "echo one"


async def test_what_the_store_refuses_can_be_edited_on(tmp_path: Path, editor: Editor) -> None:
    editor("""sed -i 's/^{/{"id": "one",/' "$1" """)
    async with seat(tmp_path / "home", fill=one_was_cancelled) as here:
        await edited(here)
        assert "id 'one' is taken" in await here.asked()


async def test_an_editor_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QueueConsole, "suspend", _suspend)
    monkeypatch.setenv("VISUAL", str(tmp_path / "none[/red]"))
    async with seat(tmp_path / "home", fill=one_waits) as here:
        await edited(here)
        await here.told_of("cannot run", "none[/red]: No such file or directory")


async def test_without_a_terminal_to_give_away_it_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "true")
    async with seat(tmp_path / "home", fill=one_waits) as here:
        await edited(here)
        await here.told_of("the editor needs a terminal of its own")


def test_visual_goes_before_editor_and_may_have_options() -> None:
    assert editor_command({"VISUAL": "code --wait", "EDITOR": "ed"}) == ["code", "--wait"]
    assert editor_command({"VISUAL": " ", "EDITOR": "'my ed'"}) == ["my ed"]


def test_without_either_a_common_editor_is_taken_where_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="no editor is set"):
        editor_command({"PATH": str(tmp_path)})

    nano = tmp_path / "nano"
    nano.touch()
    os.chmod(nano, stat.S_IRWXU)
    assert editor_command({"PATH": str(tmp_path)}) == ["nano"]


def test_a_variable_that_cannot_be_read_is_named() -> None:
    with pytest.raises(Refused, match=r"\$EDITOR cannot be read"):
        editor_command({"EDITOR": "'ed"})
