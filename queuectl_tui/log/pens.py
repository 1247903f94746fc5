"""How text of a log is drawn: the state that SGR sequences of a terminal change, as rich styles. Pure.

Blinking and hidden text are left out on purpose: the first is a nuisance, the second hides output.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rich.color import Color
from rich.style import Style


class Pen(NamedTuple):
    """What text is written with. Colours are None where the terminal's own are used."""

    color: Color | None = None
    background: Color | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


PLAIN = Pen()

_SET = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike", 21: "underline"}
_UNSET = {23: "italic", 24: "underline", 27: "reverse", 29: "strike"}
_EXTENDED = {38: "color", 48: "background", 58: ""}
"""Codes that more numbers follow. 58, the colour of underlines, is read over: there is no such style."""


@lru_cache(maxsize=512)
def style_of(pen: Pen) -> Style | None:
    """The rich style of a pen, None where there is nothing to say."""
    if pen == PLAIN:
        return None
    return Style(
        color=pen.color,
        bgcolor=pen.background,
        bold=pen.bold or None,
        dim=pen.dim or None,
        italic=pen.italic or None,
        underline=pen.underline or None,
        reverse=pen.reverse or None,
        strike=pen.strike or None,
    )


@lru_cache(maxsize=2048)
def after_sgr(pen: Pen, parameters: str) -> Pen:
    """The pen after `CSI parameters m`. What is unknown or out of range changes nothing."""
    groups = iter(parameters.split(";"))
    for group in groups:
        head, *parts = group.split(":")
        code = _number(head)
        if code in _EXTENDED:
            colour = _extended(_after_colon(parts)) if parts else _extended(groups)
            pen = _coloured(pen, _EXTENDED[code], colour)
        elif head == "4" and parts:
            pen = pen._replace(underline=parts[0] != "0")
        else:
            pen = _after_code(pen, code)
    return pen


def _after_code(pen: Pen, code: int) -> Pen:
    if code == 0:
        return PLAIN
    if code == 22:
        return pen._replace(bold=False, dim=False)
    if code in _SET:
        return _switched(pen, _SET[code], on=True)
    if code in _UNSET:
        return _switched(pen, _UNSET[code], on=False)
    return _after_colour(pen, code)


def _switched(pen: Pen, name: str, *, on: bool) -> Pen:
    return Pen(**{**pen._asdict(), name: on})


def _after_colour(pen: Pen, code: int) -> Pen:
    match code:
        case 39:
            return pen._replace(color=None)
        case 49:
            return pen._replace(background=None)
        case _ if 30 <= code <= 37:
            return pen._replace(color=Color.from_ansi(code - 30))
        case _ if 40 <= code <= 47:
            return pen._replace(background=Color.from_ansi(code - 40))
        case _ if 90 <= code <= 97:
            return pen._replace(color=Color.from_ansi(code - 90 + 8))
        case _ if 100 <= code <= 107:
            return pen._replace(background=Color.from_ansi(code - 100 + 8))
        case _:
            return pen


def _coloured(pen: Pen, ground: str, colour: Color | None) -> Pen:
    if colour is None:
        return pen
    match ground:
        case "color":
            return pen._replace(color=colour)
        case "background":
            return pen._replace(background=colour)
        case _:
            return pen


def _after_colon(parts: list[str]) -> Iterator[str]:
    """The numbers of `38:2::r:g:b`, without the colour space that may stand before red."""
    if parts[0] == "2" and len(parts) > 4:
        return iter(["2", *parts[2:]])
    return iter(parts)


def _extended(numbers: Iterator[str]) -> Color | None:
    """The colour of `5;n` or `2;r;g;b`, taken from `numbers`; None where it is none."""
    match _number(next(numbers, "")):
        case 5:
            index = _number(next(numbers, ""))
            return Color.from_ansi(index) if 0 <= index <= 255 else None
        case 2:
            red, green, blue = (_number(next(numbers, "")) for _ in range(3))
            return (
                Color.from_rgb(red, green, blue) if 0 <= min(red, green, blue) <= max(red, green, blue) <= 255 else None
            )
        case _:
            return None


def _number(text: str) -> int:
    """A parameter; 0 where it is left out, -1 where it is too long to be meant."""
    if not text:
        return 0
    return int(text) if len(text) <= 4 and text.isascii() and text.isdigit() else -1
