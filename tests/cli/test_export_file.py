"""The file of `queuectl export`: named once it is whole, and begun again where it was cut short."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from queuectl_core.cli.export_file import written
from queuectl_core.store.home import Home
from tests.cli.line import CommandLine
from tests.cli.moved import ROOT, exported, file, lines, there
from tests.cli.moved_to import HomeLine, kill_before
from tests.store.acts import put
from tests.store.engines import Engine

__all__ = ["file", "there"]


@pytest.fixture
def part(file: Path) -> Path:
    """Where an export lies until it is whole."""
    return file.with_name("queue.jsonl.part")


def beside(file: Path) -> list[str]:
    """What lies where the file is to lie, but for the home."""
    return sorted(path.name for path in file.parent.iterdir() if path.name != "home")


@pytest.mark.parametrize("size", [1, 20_000])
def test_an_export_that_was_killed_has_no_file_and_is_begun_again(
    home: Home, store: Engine, file: Path, part: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    """Killed before anything was written, and after: what is written is held back until it is worth a write."""
    queuectl = HomeLine(home, capsys)
    for _ in range(5):
        put(store, "x" * size)
    kill_before("chunk", 3, queuectl, "export", str(file))
    assert beside(file) == [part.name]
    assert (part.stat().st_size > 0) == (size > 1)

    ran = queuectl("export", str(file))

    assert (ran.status, beside(file), lines(file)[-1]["footer"]["jobs"]) == (0, [file.name], 5)
    assert f"removed {part}, which an export that was cut short had left\n" in ran.err


def test_what_was_left_of_an_export_is_none_to_an_import(
    home: Home, store: Engine, there: CommandLine, file: Path, part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        put(store, "x" * 20_000)
    kill_before("chunk", 3, HomeLine(home, capsys), "export", str(file))

    assert "the file was cut short" in there("import", str(part)).err


@pytest.mark.parametrize("begun", [b"", b'{"header":{"format":1}}\n'])
def test_an_export_that_goes_on_is_left_alone(
    queuectl: CommandLine, store: Engine, file: Path, part: Path, begun: bytes
) -> None:
    with written(str(file)) as write:
        write(begun)
        refused = queuectl("export", str(file))
        assert beside(file) == [part.name]
        write(b"the rest\n")

    assert (refused.status, beside(file), file.read_bytes()) == (1, [file.name], begun + b"the rest\n")
    assert f"{part} exists: another export writes it, or something else lies there" in refused.err


def _link(part: Path) -> None:
    part.with_name("whole").write_bytes(b'{"header":{"format":1}}\n')
    part.symlink_to("whole")


OTHERS: dict[str, Callable[[Path], object]] = {
    "a text": lambda part: part.write_text("mine"),
    "a link": _link,
    "a folder": lambda part: part.mkdir(),
    "a pipe": lambda part: os.mkfifo(part),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_no_half_export_is_left_alone(
    queuectl: CommandLine, store: Engine, file: Path, part: Path, kind: str
) -> None:
    OTHERS[kind](part)
    before = part.lstat()

    ran = queuectl("export", str(file))

    assert (ran.status, file.exists()) == (1, False)
    assert (part.lstat().st_ino, part.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert "something else lies there: name another file, or remove it" in ran.err


def test_a_whole_export_that_still_has_its_first_name_too_is_not_written_over(
    queuectl: CommandLine, store: Engine, file: Path, part: Path
) -> None:
    """As where an export was killed between the two names, and its file was put elsewhere."""
    put(store)
    kept = exported(queuectl, file).rename(file.with_name("kept"))
    os.link(kept, part)
    before = kept.read_bytes()

    exported(queuectl, file)

    assert (kept.read_bytes(), beside(file)) == (before, ["kept", file.name])


def test_an_export_that_is_interrupted_leaves_nothing(
    queuectl: CommandLine, store: Engine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_after: int, _last: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("queuectl_core.cli.moving.chunk", interrupted)

    assert "interrupted" in queuectl("export", str(file)).err
    assert beside(file) == []


SMALL_DISK = """
import resource, sys
from queuectl_core.cli import main, output

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
sys.exit(output.finish(main.run(sys.argv[1:])))
"""


def test_an_export_that_finds_no_room_leaves_nothing(home: Home, store: Engine, file: Path) -> None:
    for _ in range(5):
        put(store, "x" * 40_000)

    command = [sys.executable, "-c", SMALL_DISK, "--home", home.path, "export", str(file)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=60)

    assert ended.stderr.endswith(f"cannot write {file}: File too large: nothing was exported\n")
    assert (ended.returncode, beside(file)) == (1, [])
