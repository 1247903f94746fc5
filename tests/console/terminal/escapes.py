"""What a program writes to a terminal, taken apart: control sequences by their shape, and the characters between."""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(
    r"\x1b\[(?P<marks>[0-?]*)(?P<middle>[ -/]*)(?P<last>[@-~])"  # CSI
    r"|\x1b(?P<string>[]PX^_])(?P<body>[^\x07\x1b\x9c]*)(?:\x07|\x1b\\|\x9c|$)"  # OSC, DCS, SOS, PM, APC
    r"|\x1b(?P<other>[ -/]*[0-~])"
    r"|(?P<lone>\x1b)"
)
ACTING = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of characters that act on a terminal without being seen."""

TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Classes of characters that turn the direction in which others are read."""

LINE_ENDS = frozenset("\r\n")


def shapes(written: bytes) -> set[str]:
    """Each kind of control sequence once: of CSI the private mark, the last byte, and for modes the number.

    Strings, as OSC, are given whole: there is no harmless one.
    """
    return {_shape(match) for match in _SEQUENCE.finditer(_decoded(written))}


def _shape(match: re.Match[str]) -> str:
    if match["last"]:
        marks = match["marks"]
        counted = marks if marks.startswith("?") else re.sub(r"[0-9;:]", "", marks)
        return f"CSI {counted}{match['middle']}{match['last']}"
    if match["string"]:
        return f"ESC {match['string']}{match['body']}"
    return f"ESC {match['other'] or ''}"


def acting(written: bytes) -> set[str]:
    """The characters outside of control sequences that act without being seen, line ends left out."""
    between = set(_SEQUENCE.sub("", _decoded(written))) - LINE_ENDS
    return {f"U+{ord(character):04X}" for character in between if _acts(character)}


def _acts(character: str) -> bool:
    return unicodedata.category(character) in ACTING or unicodedata.bidirectional(character) in TURNING


def _decoded(written: bytes) -> str:
    return written.decode("utf-8", errors="surrogateescape")
