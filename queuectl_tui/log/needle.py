"""What is searched for in a log, and where it stands in given bytes. Pure; the way through a file is in `search`.

Searched is what is seen: the text of each piece as a terminal would show it, without its colours.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from queuectl_tui.log.pieces import is_cut, split
from queuectl_tui.log.terminal_line import visible

_CONTROLS = bytes([*range(10), *range(11, 32), 127])  # all but the newline
_SGR = re.compile(rb"\x1b\[[0-9;:]*m")


class Hit(NamedTuple):
    """One match: the place of its piece, and which of that piece's matches it is, from 0. They sort as they stand."""

    offset: int
    nth: int


class Needle(NamedTuple):
    """Plain text to look for."""

    pattern: str
    expression: re.Pattern[str]
    folds: bool

    def spans(self, text: str) -> list[tuple[int, int]]:
        """From where to where in `text` each match reaches, in characters."""
        return [match.span() for match in self.expression.finditer(text)]


def needle_for(pattern: str) -> Needle:
    """The needle for what a person typed: case counts where there is an upper-case letter. It may not be empty."""
    folds = not any(character.isupper() for character in pattern)
    return Needle(pattern, re.compile(re.escape(pattern), re.IGNORECASE if folds else 0), folds)


def count(needle: Needle, base: int, data: bytes) -> int:
    """How often a needle is in `data`, which is made of whole pieces and begins at `base`."""
    if "\n" in needle.pattern:
        return 0  # no line holds one
    flat = _flat(base, data)
    if flat is None:
        return sum(len(needle.spans(visible(piece))) for _, piece in split(base, data))
    if not needle.pattern.isascii():
        # No character beyond ASCII folds to one within it in text that is all ASCII, but K and S have such twins.
        return len(needle.spans(flat.decode("ascii")))
    if needle.folds:
        flat = flat.lower()
    return flat.count(needle.pattern.encode("ascii"))


def hits(needle: Needle, base: int, data: bytes) -> list[Hit]:
    """Each match in `data`, which is made of whole pieces and begins at `base`, in order."""
    if not count(needle, base, data):
        return []
    return [Hit(offset, nth) for offset, piece in split(base, data) for nth in range(len(needle.spans(visible(piece))))]


def _flat(base: int, data: bytes) -> bytes | None:
    """`data` as it is seen, where that is simple: ASCII without controls but colours, no line cut. Else None.

    Then C code can count at once what would take Python line by line a hundred times as long.
    """
    if not data.isascii() or is_cut(base, data):
        return None
    if b"\x1b" in data:
        data = _SGR.sub(b"", data)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    return data if len(data.translate(None, _CONTROLS)) == len(data) else None
