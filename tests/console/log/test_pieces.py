"""Lines are found from any place in a log, long ones are cut, and none moves as the log grows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queuectl_tui.log.pieces import (
    BLOCK,
    CUT,
    Cached,
    Stored,
    UpTo,
    before,
    end_of,
    first_from,
    is_cut,
    split,
    start_of,
)

lengths = st.one_of(st.integers(0, 80), st.sampled_from([CUT - 2, CUT - 1, CUT, CUT + 1, 2 * CUT, 3 * CUT + 7]))
logs = st.builds(
    lambda lines, end: b"\n".join(b"x" * length for length in lines) + end,
    st.lists(lengths, max_size=12),
    st.sampled_from([b"", b"\n"]),
)


@given(logs)
def test_the_pieces_of_a_log_are_the_log(data: bytes) -> None:
    pieces = list(split(0, data))

    assert b"".join(piece for _, piece in pieces) == data
    assert all(0 < len(piece) <= 2 * CUT and b"\n" not in piece[:-1] for _, piece in pieces)


@given(logs, st.data())
def test_a_piece_is_found_from_any_byte_of_it(data: bytes, drawn: st.DataObject) -> None:
    log = Stored(data)
    for start, piece in split(0, data):
        end = start + len(piece)
        inside = drawn.draw(st.integers(start, end - 1))
        assert (start_of(log, inside), end_of(log, start), before(log, end)) == (start, end, start)
        assert first_from(log, inside) == (start if inside == start else end)


@given(logs, logs)
def test_what_is_appended_moves_no_piece(data: bytes, more: bytes) -> None:
    starts = [start for start, _ in split(0, data)]

    assert [start for start, _ in split(0, data + more)][: len(starts)] == starts


@given(logs)
def test_only_a_line_in_several_pieces_is_cut(data: bytes) -> None:
    cut = any(not piece.endswith(b"\n") for _, piece in list(split(0, data))[:-1])

    assert cut <= is_cut(0, data)


def test_short_lines_are_never_cut() -> None:
    assert not is_cut(0, b"a line\n" * 10_000)


def test_a_block_that_grew_is_read_again() -> None:
    grown = bytearray(b"first")
    log = Growing(grown)
    cached = Cached(log)
    assert cached.read(0, 99) == b"first"

    grown += b" second"

    assert cached.read(0, 99) == b"first second"


def test_a_reading_across_blocks_is_whole() -> None:
    data = bytes(range(256)) * (BLOCK // 64)

    assert Cached(Stored(data)).read(BLOCK - 3, 2 * BLOCK + 5) == data[BLOCK - 3 : 2 * BLOCK + 5]


def test_what_came_later_is_not_read() -> None:
    assert UpTo(Stored(b"now and later"), 3).read(0, 99) == b"now"


class Growing:
    def __init__(self, content: bytearray) -> None:
        self._content = content

    @property
    def size(self) -> int:
        return len(self._content)

    def read(self, start: int, end: int) -> bytes:
        return bytes(self._content[start:end])
