"""The changes that can be undone, the latest first. How each is undone is handed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

MOST = 50
"""How many changes are remembered."""


class Change(NamedTuple):
    """Something that was done, and what takes it back; `back` answers with what to tell."""

    what: str
    back: Callable[[], Awaitable[str]]


class Undo:
    """A stack of changes."""

    def __init__(self) -> None:
        self._changes: list[Change] = []

    def add(self, change: Change) -> None:
        """Remember a change; the oldest is forgotten where there are too many."""
        self._changes = [*self._changes[-MOST + 1 :], change]

    def pop(self) -> Change | None:
        """The latest change, which is no longer remembered; None where there is none."""
        return self._changes.pop() if self._changes else None

    def __bool__(self) -> bool:
        return bool(self._changes)
