"""Lines are numbered from a sparse count of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_tui.log.lines import BLOCKS_AT_ONCE, LineIndex, count_lines
from queuectl_tui.log.pieces import BLOCK, Stored

LINE = b"a line of thirty-two characters\n"
MANY = LINE * ((BLOCKS_AT_ONCE + 1) * BLOCK // len(LINE) + 7)


def counted(log: Stored, *stops: int) -> LineIndex:
    """An index of a log that was counted up to each of `stops` and then to its end."""
    index = LineIndex()
    for stop in (*sorted(stops), log.size):
        while index.end < stop:
            index.add(count_lines(log, index.end, stop))
    return index


@given(st.lists(st.integers(0, len(MANY)), max_size=4), st.integers(0, len(MANY) - 1))
def test_a_line_has_its_number_however_the_log_grew(stops: list[int], offset: int) -> None:
    log = Stored(MANY)
    index = counted(log, *stops)

    assert index.number_at(log, offset) == MANY[:offset].count(b"\n") + 1
    assert index.lines(log) == MANY.count(b"\n")


@given(st.integers(1, MANY.count(b"\n")))
def test_a_line_is_found_by_its_number(number: int) -> None:
    log = Stored(MANY)

    assert counted(log).offset_of(log, number) == (number - 1) * len(LINE)


@pytest.mark.parametrize(
    ("data", "lines"),
    [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n" * BLOCK, BLOCK), (b"\n" * BLOCK + b"a", BLOCK + 1)],
)
def test_an_unfinished_line_counts(data: bytes, lines: int) -> None:
    log = Stored(data)

    assert counted(log).lines(log) == lines


def test_lines_are_unknown_until_all_is_counted() -> None:
    log = Stored(MANY)
    index = LineIndex()
    index.add(count_lines(log, 0, log.size))

    assert (index.lines(log), index.number_at(log, len(MANY) - 1)) == (None, None)
    assert index.number_at(log, BLOCK) == BLOCK // len(LINE) + 1


def test_a_number_past_the_end_is_the_end() -> None:
    log = Stored(b"a\nb\n")

    assert counted(log).offset_of(log, 99) == log.size
