"""What becomes of a log file while it is shown is seen and said, and only a regular file is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from queuectl_tui.log import reading as notices
from queuectl_tui.log.files import LogSource
from queuectl_tui.log.reading import Change, Reading


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.1.log"


def read(path: Path, tail: bytes | None = None, *, live: bool = False) -> Reading:
    return Reading(LogSource(str(path), tail, complete=not live), live=live)


def content(reading: Reading) -> bytes:
    return reading.log.read(0, reading.log.size)


def test_a_file_is_read_without_a_word(path: Path) -> None:
    path.write_bytes(b"output\n")
    reading = read(path)

    assert (content(reading), reading.notice) == (b"output\n", "")
    reading.close()


def test_where_the_file_is_gone_its_stored_end_is_shown(path: Path) -> None:
    reading = read(path, b"the end\n")

    assert (content(reading), reading.notice) == (b"the end\n", notices.ONLY_END)


def test_where_nothing_is_left_that_is_said(path: Path) -> None:
    assert read(path).notice == notices.GONE


def test_a_run_that_printed_nothing_needs_no_file(path: Path) -> None:
    reading = read(path, b"")

    assert (content(reading), reading.notice) == (b"", notices.EMPTY)


def test_a_file_that_may_come_is_waited_for(path: Path) -> None:
    reading = read(path, live=True)
    assert (reading.notice, reading.look()) == (notices.WAITING, Change.NOTHING)

    path.write_bytes(b"here\n")

    assert (reading.look(), content(reading), reading.notice) == (Change.ANEW, b"here\n", "")
    reading.close()


def test_a_file_that_never_came_is_not_waited_for_once_the_run_has_ended(path: Path) -> None:
    reading = read(path, live=True)

    change = reading.ended(LogSource(str(path), b"stored\n", complete=True))

    assert (change, content(reading), reading.notice) == (Change.ANEW, b"stored\n", notices.ONLY_END)
    assert reading.look() is Change.NOTHING


def test_what_is_appended_is_read(path: Path) -> None:
    path.write_bytes(b"one\n")
    reading = read(path, live=True)
    content(reading)

    with path.open("ab") as file:
        file.write(b"two\n")

    assert (reading.look(), content(reading), reading.look()) == (Change.GROWN, b"one\ntwo\n", Change.NOTHING)
    reading.close()


def test_a_file_that_was_cut_short_is_shown_anew(path: Path) -> None:
    path.write_bytes(b"a long line\n")
    reading = read(path, live=True)
    content(reading)

    path.write_bytes(b"new\n")

    assert (reading.look(), content(reading), reading.notice) == (Change.ANEW, b"new\n", notices.CUT)
    reading.close()


def test_a_file_that_was_replaced_is_shown_anew(path: Path) -> None:
    path.write_bytes(b"old\n")
    reading = read(path, live=True)
    other = path.with_suffix(".other")
    other.write_bytes(b"another\n")

    other.rename(path)

    assert (reading.look(), content(reading), reading.notice) == (Change.ANEW, b"another\n", notices.REPLACED)
    reading.close()


def test_a_removed_file_is_still_shown_and_that_is_said_once(path: Path) -> None:
    path.write_bytes(b"still here\n")
    reading = read(path, live=True)

    path.unlink()

    assert (reading.look(), reading.look()) == (Change.NOTICED, Change.NOTHING)
    assert (content(reading), reading.notice) == (b"still here\n", notices.REMOVED)
    reading.close()


def test_a_symbolic_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    path.symlink_to(secret)

    reading = read(path)

    assert (content(reading), reading.notice) == (b"", "the log file cannot be read: it is a symbolic link")


def test_a_file_that_was_replaced_by_a_link_is_no_longer_read(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"output")
    reading = read(path, live=True)
    path.unlink()
    path.symlink_to(tmp_path)

    reading.look()

    assert (content(reading), reading.notice) == (b"", "the log file cannot be read: it is a symbolic link")


def test_a_fifo_is_refused_and_nobody_waits_for_it(path: Path) -> None:
    os.mkfifo(path)

    assert read(path).notice == "the log file cannot be read: it is no regular file"


def test_a_closed_log_reads_as_empty(path: Path) -> None:
    path.write_bytes(b"output")
    reading = read(path)
    origin = reading.origin

    reading.close()

    assert origin.read(0, 6) == b""
    assert reading.look() is Change.NOTHING
