"""The check on file lengths finds what it is there to find."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.file_lengths import FOLDERS, MOST_LINES, complaints


def write_lines(root: Path, path: str, lines: int) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("pass\n" * lines)


def test_a_file_at_the_limit_is_accepted(tmp_path: Path) -> None:
    write_lines(tmp_path, "tests/model/test_job.py", MOST_LINES)

    assert list(complaints(tmp_path)) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_file_past_the_limit_is_named_with_its_length(tmp_path: Path, folder: str) -> None:
    write_lines(tmp_path, f"{folder}/deep/down/long.py", MOST_LINES + 1)

    [complaint] = complaints(tmp_path)

    assert complaint.startswith(f"{folder}/deep/down/long.py: {MOST_LINES + 1} lines")


def test_an_exception_lets_a_long_file_pass(tmp_path: Path) -> None:
    write_lines(tmp_path, "queuectl_core/long.py", MOST_LINES + 1)

    assert list(complaints(tmp_path, {"queuectl_core/long.py": "one table"})) == []


def test_an_exception_for_a_file_that_became_short_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path, "queuectl_core/short.py", 1)

    [complaint] = complaints(tmp_path, {"queuectl_core/short.py": "one table"})

    assert complaint == "queuectl_core/short.py: an exception that is not needed: remove it"


def test_only_python_files_are_counted(tmp_path: Path) -> None:
    write_lines(tmp_path, "queuectl_core/store/sqlite/queries.sql", MOST_LINES * 3)

    assert list(complaints(tmp_path)) == []
