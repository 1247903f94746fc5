"""Pictures of the console as SVG, and how one is held against the picture that was accepted.

Textual has a plugin for this, `pytest-textual-snapshot`. It is not used: it runs the app in a loop of its own, where no
store is open yet, and takes its picture at one moment, whether the console has read by then or not; when one differs,
it leaves a report in the working directory that holds the whole environment. Here a test waits, with a bound, until
the picture is the accepted one, so that a busy machine is no reason to fail, and what differs is told in words.

A picture has an element a line, classes named for their style, no font to download and no random id, so that `git diff`
shows what has changed. Accept new ones with `ACCEPT_PICTURES=1 .venv/bin/python -m pytest tests/console/snapshots`.
"""

from __future__ import annotations

import difflib
import html
import os
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

ACCEPTED = Path(__file__).parent / "accepted"
SWITCH = "ACCEPT_PICTURES"
"""The environment variable with which pictures are written, not compared."""

REST_SECONDS = 0.5
"""How long a picture must have stayed the same to be accepted."""

QUIET_SECONDS, PATIENCE = 3.0, 20.0
"""A picture that is not the accepted one is given up once it has stayed the same so long, or after so long in all."""

LOOK = 0.02

MOST_LINES = 60
"""Lines of a difference that are told."""

_ROW, _COLUMN = 24.4, 12.2
"""The height and width of a cell, as Rich draws it."""


def accepting() -> bool:
    """Whether pictures are to be written."""
    return os.environ.get(SWITCH, "") not in ("", "0")


def drawn_with() -> str:
    """The libraries that have a part in how it looks."""
    return ", ".join(f"{name} {version(name)}" for name in ("textual", "rich", "plotext"))


def picture_of(pilot: Pilot[Any]) -> str:
    """What is on the screen now."""
    return normalised(pilot.app.export_screenshot(title="queuectl", simplify=True))


def normalised(svg: str) -> str:
    """The same picture without what differs from run to run, or from one version of Rich to the next."""
    svg = re.sub(r"terminal-\d+-", "", svg)
    svg = re.sub(r"<!--.*?-->", "", svg)
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s*<clipPath id="line-\d+">.*?</clipPath>', "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#line-\d+\)"', "", svg)
    for name, css in re.findall(r"^\s*\.(r\d+) \{ (.*) \}$", svg, flags=re.MULTILINE):
        svg = re.sub(rf"\b{name}\b", _name_of(css), svg)
    svg = svg.replace("><", ">\n<").replace("<svg ", '<svg xml:space="preserve" ', 1)
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"


def _name_of(css: str) -> str:
    """A name for a class by what it does: `d8dee4-bold`, with a letter before it."""
    return "-".join(("c", *re.findall(r"(?<=#)\w+|bold|italic|underline|line-through", css)))


# ---------------------------------------------------------------- holding one against the other


async def hold_against_accepted(pilot: Pilot[Any], name: str, folder: Path) -> None:
    """Wait until what is on the screen is the accepted picture of that name, and stays so; or write that picture.

    Where it is not, what is there instead is kept in `folder` and told. The test is skipped instead where the
    accepted picture was drawn with other versions of the libraries: how those draw is not for us to test.
    """
    file = ACCEPTED / f"{name}.svg"
    if accepting():
        file.write_text(_signed(await _at_rest(pilot)), encoding="utf-8")
        return
    accepted = file.read_text(encoding="utf-8") if file.exists() else ""
    actual = await _until_it_is(pilot, _unsigned(accepted))
    if actual == _unsigned(accepted):
        return
    if accepted and not accepted.endswith(_signature()):
        pytest.skip(f"it looks different, but was drawn with {accepted.splitlines()[-1][5:-4]}, not {drawn_with()}")
    kept = folder / file.name
    kept.write_text(actual, encoding="utf-8")
    told = difference(_unsigned(accepted), actual) if accepted else "there is no accepted picture"
    pytest.fail(f"{name} looks different; it is now as in {kept}. To accept it, set {SWITCH}=1\n{told}", pytrace=False)


async def _until_it_is(pilot: Pilot[Any], accepted: str) -> str:
    """The accepted picture once it is there, else what is there instead."""
    seen, since, deadline = "", time.monotonic(), time.monotonic() + PATIENCE
    while True:
        await pilot.pause(LOOK)
        now, instant = picture_of(pilot), time.monotonic()
        if now == seen == accepted:
            return now  # twice: it stays so
        if now != seen:
            seen, since = now, instant
        elif instant - since > QUIET_SECONDS or instant > deadline:
            return now


async def _at_rest(pilot: Pilot[Any]) -> str:
    """What is on the screen once it has stayed the same for a while."""
    seen, since, deadline = "", time.monotonic(), time.monotonic() + PATIENCE
    while time.monotonic() - since < REST_SECONDS:
        assert time.monotonic() < deadline, "what is on the screen does not come to rest"
        await pilot.pause(LOOK)
        now = picture_of(pilot)
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


def _signature() -> str:
    return f"<!-- {drawn_with()} -->\n"


def _signed(picture: str) -> str:
    return picture + _signature()


def _unsigned(picture: str) -> str:
    return re.sub(r"<!-- .* -->\n$", "", picture)


# ---------------------------------------------------------------- telling what differs


def difference(accepted: str, actual: str) -> str:
    """What differs, in words where words do, else in the elements of the picture."""
    told = _compared(words_of(accepted), words_of(actual))
    if not told:
        told = ["the words are the same, but not their places or colours:"]
        told += _compared(accepted.splitlines(), actual.splitlines())
    return "\n".join(told[:MOST_LINES])


def _compared(before: list[str], after: list[str]) -> list[str]:
    return [*difflib.unified_diff(before, after, "accepted", "now", lineterm="", n=0)]


def words_of(picture: str) -> list[str]:
    """The text of a picture, a line for each row of the screen."""
    rows: dict[int, str] = {}
    for x, y, text in re.findall(r'<text class="c-\S*" x="(\S+)" y="(\S+)"[^>]*>(.*?)</text>', picture):
        row = round((float(y) - 20) / _ROW)
        rows[row] = rows.get(row, "").ljust(round(float(x) / _COLUMN)) + html.unescape(text).replace("\xa0", " ")
    return [rows.get(row, "").rstrip() for row in range(max(rows, default=-1) + 1)]
