"""What is seen is found, in order, in any log, while it grows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_tui.log.needle import Hit, count, hits, needle_for
from queuectl_tui.log.pieces import BLOCK, Stored, split
from queuectl_tui.log.search import Search
from queuectl_tui.log.terminal_line import visible


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("error", b"Error: an ERROR", 2),
        ("Error", b"Error: an ERROR", 1),
        ("a.c", b"abc a.c", 1),
        ("aa", b"aaaa", 2),
        ("red word", b"\x1b[31mred\x1b[0m word", 1),
        ("20%", b"\r 10%\r 20%", 1),
        ("10%", b"\r 10%\r 20%", 0),
        ("a  ", b"a\tb", 1),
        ("äpfel", "ÄPFEL".encode(), 1),
        ("ſ", b"s", 1),
        ("日", b"ascii", 0),
    ],
)
def test_what_is_seen_is_found(pattern: str, line: bytes, matches: int) -> None:
    assert count(needle_for(pattern), 0, line + b"\n") == matches


pieces_of_lines = st.sampled_from([b"ab", b"A", b"\n", b"\r\n", b"\x1b[1m", b"\t", "é".encode(), b"\b", b"x" * 9000])


@given(st.lists(pieces_of_lines, max_size=30).map(b"".join), st.sampled_from(["a", "A", "ab", "xx", "é", "b\n"]))
def test_the_quick_count_is_the_count_of_each_line(data: bytes, pattern: str) -> None:
    needle = needle_for(pattern)
    expected = sum(len(needle.spans(visible(piece))) for _, piece in split(0, data))

    assert count(needle, 0, data) == expected == len(hits(needle, 0, data))


LINES = 3 * BLOCK // 16


def log_with(*numbers: int) -> Stored:
    """A log of three blocks in which the lines `numbers` hold a needle."""
    return Stored(b"".join(b"needle %08d\n" % n if n in numbers else b"------ %08d\n" % n for n in range(LINES)))


async def test_matches_are_gone_through_in_order_and_round_the_end() -> None:
    search = Search(needle_for("needle"), log_with(3, 9000, LINES - 1))
    await search.scan(lambda: None)

    positions = []
    place = Hit(0, -1)
    for _ in range(4):
        place = await search.seek(place, forward=True) or place
        positions.append(search.status().position)

    assert positions == [1, 2, 3, 1]
    assert search.status().matches == 3


async def test_matches_are_gone_through_backwards() -> None:
    search = Search(needle_for("needle"), log_with(3, 9000, LINES - 1))
    await search.scan(lambda: None)

    positions = []
    place = Hit(0, -1)
    for _ in range(4):
        place = await search.seek(place, forward=False) or place
        positions.append(search.status().position)

    assert positions == [3, 2, 1, 3]


async def test_a_match_is_gone_to_before_all_is_counted() -> None:
    search = Search(needle_for("needle"), log_with(9000))

    hit = await search.seek(Hit(0, -1), forward=True)

    assert hit == Hit(9000 * 16, 0)
    assert search.status() == ("needle", 0, None, False)


async def test_nothing_to_find_changes_nothing() -> None:
    search = Search(needle_for("absent"), log_with(1))

    assert await search.seek(Hit(0, -1), forward=True) is None
    assert search.current is None


async def test_matches_in_one_line_are_told_apart() -> None:
    search = Search(needle_for("x"), Stored(b"x.x\nx\n"))
    await search.scan(lambda: None)

    place = Hit(0, -1)
    seen = [place := await search.seek(place, forward=True) or place for _ in range(3)]

    assert seen == [Hit(0, 0), Hit(0, 1), Hit(4, 0)]


async def test_an_empty_log_holds_nothing() -> None:
    search = Search(needle_for("x"), Stored(b""))
    await search.scan(lambda: None)

    assert await search.seek(Hit(0, -1), forward=False) is None
    assert search.status() == ("x", 0, None, True)


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=6))
async def test_a_log_that_grew_is_counted_once(steps: list[int]) -> None:
    whole = (b"one x here\n" * 40 + b"y" * 9_000 + b" x\n") * 20
    log = Grows(whole)
    search = Search(needle_for("x"), log)
    for step in [*steps, len(whole)]:
        log.size = min(len(whole), log.size + step)
        await search.scan(lambda: None)

    assert search.status().matches == count(needle_for("x"), 0, whole)


class Grows:
    def __init__(self, content: bytes) -> None:
        self.size = 0
        self._content = content

    def read(self, start: int, end: int) -> bytes:
        return self._content[start:end]
