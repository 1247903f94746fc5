"""Foreign text made safe to show: on a terminal, in a table, in the one line of an error.

Commands, outputs and bad input are data. What could move a cursor, ring a bell, reach a
clipboard or turn the reading direction around is replaced by a visible escape. Colours and
layout belong to the faces, not here. A password in the URL of a store goes no further either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

SHOWN_CHARACTERS = 40
"""How much of an offending value an error repeats."""

_ABOVE_ASCII = r"\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
# Compiled when first used: most text needs none of them.
_UNSAFE = rf"[\x00-\x1f{_ABOVE_ASCII}]"
_UNSAFE_IN_OUTPUT = rf"[\x00-\x08\x0b-\x1f{_ABOVE_ASCII}]"
# Where it was not encoded a password may hold anything, so it ends at the last @ of its line; without one it
# is what stands where a port would, and is none.
_URL = r"(?:\b[a-z][a-z0-9+.-]*:/+|\bpostgres(?:ql)?:)[^\s:/?#@\[]*:"
# The name of a parameter may be encoded, letter by letter.
_NAMED = "(?:{})?{}=".format(
    *("".join(f"(?:{c}|%{ord(c):x}|%{ord(c.upper()):x})" for c in word) for word in ("ssl", "password"))
)
_PASSWORD = rf"({_URL})(?:.*(?=@)|(?!\d+\b)[^\s/]+)|((?:^|[?&;\s]){_NAMED})[^&\s]*?(?=:?(?:[&\s]|$))"
_MOST_REDACTED = 10_000
"""Characters of a text with a URL in it that are kept at most; no message is as long."""
_SHORT_ESCAPES = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_LARGEST_SHOWN_NUMBER = 10**30


def clean(text: str) -> str:
    """`text` on one line, with every character that could act on a terminal as a visible escape.

    Replaced are control characters (C0 with newline and tab, DEL, C1), lone surrogates, bidi
    overrides and isolates, and line and paragraph separators. All else stays as it is.
    """
    if text.isprintable():
        return text
    return re.sub(_UNSAFE, _escape, text)


def clean_output(text: str) -> str:
    """As `clean`, for text of several lines: newlines and tabs stay."""
    if text.isprintable():
        return text
    return re.sub(_UNSAFE_IN_OUTPUT, _escape, text)


def without_passwords(text: str) -> str:
    """`text` with `***` for the password of every URL in it, be it before the host or a parameter."""
    if not any(sign in text.lower() for sign in (":/", "postgres", "password=")):
        return text
    return re.sub(_PASSWORD, lambda match: f"{match[1] or match[2]}***", text[:_MOST_REDACTED], flags=re.IGNORECASE)


def shown(value: object) -> str:
    """`value` as an error repeats it: as JSON would write it, cleaned, without the password of a URL, and at most
    40 characters long."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{_shortened(value)}"'
        case int() if abs(value) >= _LARGEST_SHOWN_NUMBER:
            return "a huge number"
        case int() | float():
            return str(value)
        case Mapping():
            return "an object"
        case Sequence():
            return "a list"
        case _:
            return type(value).__name__


def _shortened(text: str) -> str:
    room = SHOWN_CHARACTERS - 2  # for the quotes
    cleaned = clean(without_passwords(text)[: room + 1])
    return cleaned if len(cleaned) <= room else cleaned[: room - 1] + "…"


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    code = ord(character)
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
