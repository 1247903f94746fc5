"""What the console remembers from one day to the next: theme, pane, orders, columns and the filters that were used.

Kept in one small file of the user's configuration. It is a convenience and never in the way: a file that is damaged,
cannot be read or cannot be written is as good as none. The filter that holds is not remembered: a console that hides
jobs when it is opened would be a trap.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from queuectl_core.store.home import make_private
from queuectl_core.store.transactions.browsing import SortColumn
from queuectl_tui.actions import PANES, Place
from queuectl_tui.looks import themes

MOST_FILTERS = 50
"""How many filters are remembered."""

LONGEST_FILTER = 1000
"""Characters; a longer one was hardly typed."""

LARGEST_FILE = 1 << 20
"""Bytes that are read; what is larger was not written here."""


class Sort(NamedTuple):
    """The order of a pane."""

    column: SortColumn
    descending: bool


class Choices(NamedTuple):
    """What is remembered; `filters` are texts, the newest first. `theme` is empty where none was chosen."""

    theme: str = ""
    pane: Place = Place.JOBS
    sorts: tuple[tuple[Place, Sort], ...] = ()
    filters: tuple[str, ...] = ()
    columns: tuple[tuple[Place, str], ...] = ()

    def columns_in(self, place: Place) -> str:
        """The titles of the columns that were chosen in a pane; empty where none were."""
        return dict(self.columns).get(place, "")

    def showing(self, place: Place, titles: str) -> Choices:
        """With these columns of a pane."""
        return self._replace(columns=tuple({**dict(self.columns), place: titles}.items()))

    def sort_in(self, place: Place) -> Sort | None:
        """The order in which a pane was left."""
        return dict(self.sorts).get(place)

    def sorted_so(self, place: Place, sort: Sort) -> Choices:
        """With this order of a pane."""
        return self._replace(sorts=tuple({**dict(self.sorts), place: sort}.items()))

    def filtered_by(self, text: str) -> Choices:
        """With this filter in front, once."""
        if not text or len(text) > LONGEST_FILTER:
            return self
        return self._replace(filters=(text, *(one for one in self.filters if one != text))[:MOST_FILTERS])


# ------------------------------------------------------------------ the file


def choices_file() -> str:
    """Where choices are kept, by the rules of `platformdirs.user_config_dir`."""
    if sys.platform == "darwin":
        return os.path.expanduser("~/Library/Application Support/queuectl/console.json")
    config = os.environ.get("XDG_CONFIG_HOME", "")
    if not os.path.isabs(config):  # to be ignored, says the XDG Base Directory Specification
        config = os.path.expanduser("~/.config")
    return os.path.join(config, "queuectl", "console.json")


def load(path: str) -> Choices:
    """The choices in a file; what is missing or makes no sense is as it was never chosen. Raises nothing."""
    try:
        with open(path, "rb") as file:
            found = json.loads(file.read(LARGEST_FILE))
    except (OSError, ValueError, RecursionError):
        return Choices()
    return _read(found) if isinstance(found, dict) else Choices()


def save(path: str, choices: Choices) -> bool:
    """Write the choices, whole or not at all, readable for their owner alone; whether that was possible."""
    path = os.path.realpath(path)  # where it is a link, what it points to is written
    folder = os.path.dirname(path)
    text = json.dumps(_written(choices), indent=2, ensure_ascii=True) + "\n"
    try:
        make_private(folder, parents=True)
        # Of mode 0600, and of a name that no other console writes to.
        handle, draft = tempfile.mkstemp(prefix=".console-", suffix=".json", dir=folder)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(draft, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft)
        return False
    return True


def _written(choices: Choices) -> dict[str, object]:
    return {
        "theme": choices.theme,
        "pane": choices.pane.value,
        "sorts": {place.value: list(sort) for place, sort in choices.sorts},
        "filters": list(choices.filters),
        "columns": {place.value: titles for place, titles in choices.columns},
    }


def _read(found: Mapping[str, Any]) -> Choices:
    filters, sorts = found.get("filters"), found.get("sorts")
    pane, theme = _place(found.get("pane")), found.get("theme")
    pairs = ((_place(name), _sort(value)) for name, value in sorts.items()) if isinstance(sorts, dict) else ()
    texts = [text for text in filters if _is_filter(text)] if isinstance(filters, list) else []
    return Choices(
        theme=theme if theme in themes.NAMES else "",
        pane=pane or Place.JOBS,
        sorts=tuple((place, sort) for place, sort in pairs if place and sort),
        filters=tuple(dict.fromkeys(texts))[:MOST_FILTERS],
        columns=_columns(found.get("columns")),
    )


def _columns(found: object) -> tuple[tuple[Place, str], ...]:
    pairs = ((_place(name), titles) for name, titles in found.items()) if isinstance(found, dict) else ()
    return tuple((place, titles) for place, titles in pairs if place and _is_filter(titles))


def _is_filter(found: object) -> bool:
    return isinstance(found, str) and 0 < len(found) <= LONGEST_FILTER and found.isprintable()


def _place(found: object) -> Place | None:
    return next((place for place in PANES if place.value == found), None)


def _sort(found: object) -> Sort | None:
    match found:
        case [str(column), bool(descending)] if column in tuple(SortColumn):
            return Sort(SortColumn(column), descending)
        case _:
            return None


# ------------------------------------------------------------------ remembering


class Memory:
    """The choices of one console, written as they change. Without a path nothing is read or written.

    Each change is made to what the file holds at that moment, so that two consoles do not forget for each other.
    """

    def __init__(self, path: str | None = None) -> None:
        self._path = path
        self._writing = asyncio.Lock()
        self.choices = load(path) if path is not None else Choices()

    async def themed(self, name: str) -> None:
        """This theme was chosen."""
        await self._change(lambda choices: choices._replace(theme=name))

    async def opened(self, pane: Place) -> None:
        """This pane was opened."""
        await self._change(lambda choices: choices._replace(pane=pane))

    async def sorted_so(self, pane: Place, column: SortColumn, descending: bool) -> None:
        """A pane was sorted so."""
        await self._change(lambda choices: choices.sorted_so(pane, Sort(column, descending)))

    async def showing(self, pane: Place, titles: str) -> None:
        """These columns of a pane were chosen."""
        await self._change(lambda choices: choices.showing(pane, titles))

    async def filtered_by(self, text: str) -> None:
        """This filter was used."""
        await self._change(lambda choices: choices.filtered_by(text))

    async def _change(self, change: Callable[[Choices], Choices]) -> None:
        before, self.choices = self.choices, change(self.choices)
        if self._path is None or self.choices == before:
            return
        async with self._writing:
            await asyncio.to_thread(_change_file, self._path, change)


def _change_file(path: str, change: Callable[[Choices], Choices]) -> None:
    save(path, change(load(path)))
