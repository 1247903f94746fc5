"""What of a line of output need not be drawn, as later output covers it, and what is too much to be drawn. Pure."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from rich.cells import cell_len

from queuectl_core.model.cleaning import clean

TAB = 8
"""Cells from one tab stop to the next."""

COLOURS = 512
"""Changes of colour that are obeyed in one line."""

MOVES = 256
"""Sequences and controls that move or erase and are obeyed in one line."""

SGR = re.compile(r"\x1b\[([0-9;:]*)m")
"""A change of colour or style, and its parameters."""

MOVE = re.compile(r"[\x1b\r\b\t]")
"""Where anything but text begins."""

_ERASE_TO_END = re.compile(r"\x1b\[0?K")
_OVERSTRUCK = re.compile(r"[ -~]\x08(?=[ -~])")


class Frame(NamedTuple):
    """What was written between two carriage returns, and the cells it covers; all there are where it erases."""

    text: str
    covers: float


def without_what_is_overwritten(text: str) -> str:
    """`text` without the frames of a progress bar that later ones cover: most of a line of thousands.

    Their colours stay, as a carriage return does not reset the pen. Where anything but printing,
    colour and erasing to the end moves through the line, nothing is left out.
    """
    if "\r" not in text:
        return text
    kept: list[str] = []
    covered: float = -1
    parts = text.split("\r")
    while parts and covered < math.inf:
        part = parts.pop()
        frame = _frame(part)
        if frame is None:
            return text
        if frame.covers > covered:
            kept.append(frame.text)
            covered = frame.covers
        else:
            kept.append(_colours(part))
    kept.append(_colours("\r".join(parts)))
    return "\r".join(text for text in reversed(kept) if text)


def _colours(text: str) -> str:
    return "".join(match[0] for match in SGR.finditer(text))


def _frame(part: str) -> Frame | None:
    if part.isascii() and part.isprintable():
        return Frame(part, len(part))
    bare = SGR.sub("", part) if "\x1b" in part else part
    shorter = _ERASE_TO_END.sub("", bare)
    if MOVE.search(shorter):
        return None
    return Frame(part, math.inf if len(shorter) < len(bare) else cell_len(clean(shorter)))


def _edits(text: str) -> int:
    """How many sequences and controls there are in `text`, at most."""
    return sum(map(text.count, "\x1b\b\t\r"))


def bounded(text: str) -> str:
    """`text` with so many edits as a line may cost: of too many the colours are left out, and then the middle.

    Start and end stay, as the end is what is seen.
    """
    bare = SGR.sub("", text) if "\x1b" in text else text
    moves = _edits(bare)
    if moves <= MOVES and _edits(text) - moves <= COLOURS:
        return text
    bare = without_what_is_struck_over(bare)
    if bare.isascii() and bare.replace("\t", "").isprintable():
        return bare.expandtabs(TAB)
    if _edits(bare) <= MOVES:
        return bare
    places = [edit.start() for edit in MOVE.finditer(bare)]
    return bare[: places[MOVES // 2]] + bare[places[-MOVES // 2] :]


def without_what_is_struck_over(bare: str) -> str:
    """`bare` without characters that a backspace and the next one cover. A sequence may end in such a character."""
    return bare if "\x1b" in bare else _OVERSTRUCK.sub("", bare)
