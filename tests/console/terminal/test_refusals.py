"""What the console cannot open it refuses in one line, before it touches the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from tests.console.terminal.conftest import Console
from tests.console.terminal.screen import Screen, screen


def _no_database(home: Home) -> None:
    os.mkdir(home.path, 0o700)
    Path(home.database).write_bytes(b"this is no database " * 500)


def _directory_in_its_place(home: Home) -> None:
    os.makedirs(home.database, 0o700)


def _writable_by_others(home: Home) -> None:
    os.mkdir(home.path, 0o700)
    os.chmod(home.path, 0o777)


def _is_a_file(home: Home) -> None:
    Path(home.path).write_text("a file")


@pytest.mark.parametrize("spoil", [_no_database, _directory_in_its_place, _writable_by_others, _is_a_file])
@pytest.mark.parametrize("options", [(), ("--read-only",)], ids=["to write", "read-only"])
def test_a_store_that_cannot_be_opened_is_refused(
    console: Console, home: Home, spoil: object, options: tuple[str, ...]
) -> None:
    assert callable(spoil)
    spoil(home)

    with console(*options, columns=200) as screen:
        _refused(screen)


def test_a_store_that_is_missing_is_not_made_by_a_console_that_only_reads(console: Console, home: Home) -> None:
    with console("--read-only", columns=200) as screen:
        _refused(screen)
    assert not os.path.exists(home.path)


def test_a_stderr_that_is_no_terminal_is_refused_since_nothing_would_be_seen(home: Home, tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f"exec {sys.executable} -m queuectl_tui --home '{home.path}' 2> '{told}'"
    with screen(["/bin/sh", "-c", command], {}) as started:
        assert started.ended() == 1
        assert started.raw == b""
        started.assert_restored()
    text = "queuectl-tui: the console is drawn on stderr, which is no terminal: do not redirect it\n"
    assert told.read_text() == text
    assert not os.path.exists(home.path)


def _refused(screen: Screen) -> None:
    """One line, a status that says so, and no sequence for the terminal."""
    assert screen.ended() == 1
    assert screen.raw.startswith(b"queuectl-tui: ")
    assert screen.raw.count(b"\n") == 1
    assert b"\x1b" not in screen.raw
    screen.assert_restored()
