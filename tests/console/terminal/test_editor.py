"""An editor on the console's terminal: keys and signals that come while it is there."""

from __future__ import annotations

import shutil
import signal
import sys
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.console.terminal.conftest import Console
from tests.console.terminal.screen import screen
from tests.store.acts import look, put
from tests.store.engines import BlockingSqlite

_EDITOR = """#!/bin/sh
trap 'echo interrupted' INT
trap 'echo held > "$1.held"; exit 1' HUP
echo '{"command": "echo typed", "max_retries": 0, "cwd": "/"}' > "$1"
echo the editor is here
until [ "$line" = leave ]; do read -r line; echo "read $line"; done
"""
"""An editor as they are: it lives through ctrl+c, and saves what it holds when the terminal goes."""


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$VISUAL; answers with the folder that temporary files are in."""
    program, drafts = tmp_path / "editor", tmp_path / "drafts"
    drafts.mkdir()
    program.write_text(_EDITOR)
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))
    monkeypatch.setenv("TMPDIR", str(drafts))
    return drafts


def test_a_ctrl_c_in_the_editor_is_the_editors_alone(console: Console, store: BlockingSqlite, editor: Path) -> None:
    job = put(store, "echo first-row")
    with console() as screen:
        screen.shows("echo first-row", "● live")
        screen.press("\x05")
        screen.shows("the editor is here")

        screen.press("\x03")
        screen.shows("interrupted")
        screen.press("leave\n")

        screen.shows("echo typed", "● live", "? Help")
        assert look(store, job).command == "echo typed"
        screen.press("q")
        assert screen.ended() == 0
        screen.assert_restored()
    assert list(editor.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_the_console_ends_the_editor_and_what_was_typed_is_kept(
    console: Console, store: BlockingSqlite, editor: Path, number: signal.Signals
) -> None:
    job = put(store, "echo first-row")
    with console(columns=200) as screen:
        screen.shows("echo first-row", "● live")
        screen.press("\x05")
        screen.shows("the editor is here")

        screen.send(number)

        assert screen.ended() == 128 + number
        screen.assert_restored()
        [kept] = editor.iterdir()
        assert f"what you wrote is kept in {kept}" in screen.text
        assert "echo typed" in (kept / "job.json").read_text()
        assert (kept / "job.json.held").exists()
        assert (kept.stat().st_mode & 0o777, (kept / "job.json").stat().st_mode & 0o777) == (0o700, 0o600)
        assert look(store, job).command == "echo first-row"
        shutil.rmtree(kept)


def test_a_ctrl_z_in_the_editor_gives_the_shell_its_prompt_and_fg_goes_on(
    store: BlockingSqlite, home: Home, editor: Path
) -> None:
    job = put(store, "echo first-row")
    with screen(["/bin/sh", "-i"], {"PS1": "the shell> ", "ENV": ""}) as shell:
        shell.shows("the shell>")
        shell.press(f"{sys.executable} -m queuectl_tui --home '{home.path}'\n")
        shell.shows("echo first-row", "● live")
        shell.press("\x05")
        shell.shows("the editor is here")

        for time in range(2):
            shell.press("\x1a")
            shell.until(lambda time=time: shell.text.count("Stopped") > time, "it is stopped")  # type: ignore[misc]
            shell.press("fg\n", f"time-{time}\n")
            shell.shows(f"read time-{time}")
        shell.press("leave\n")

        shell.shows("echo typed", "● live", "? Help")
        assert look(store, job).command == "echo typed"
        shell.press("q")
        shell.until(lambda: b"1049" not in shell.left_on(), "it has left the terminal")
        shell.shows("the shell>")
        shell.press("exit\n")
        shell.ended()
        shell.assert_restored()
    assert list(editor.iterdir()) == []
