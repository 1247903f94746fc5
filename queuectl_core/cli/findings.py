"""What `doctor` says of one thing that it looked at, and the words it says it in."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from queuectl_core.model.errors import StoreError

REPAIR = "run 'queuectl doctor --repair'"
NAMED = 3
"""How many of a kind a line names."""


class Status(StrEnum):
    """How a check found things."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """What one check found; `advice` says what to do, and is empty where nothing is."""

    check: str
    status: Status
    detail: str
    advice: str = ""


def ok(check: str, detail: str) -> Finding:
    """All is well."""
    return Finding(check, Status.OK, detail)


def warning(check: str, detail: str, advice: str) -> Finding:
    """It works, but should be looked at."""
    return Finding(check, Status.WARNING, detail, advice)


def problem(check: str, detail: str, advice: str) -> Finding:
    """Something is wrong."""
    return Finding(check, Status.PROBLEM, detail, advice)


def cannot_tell(check: str, error: StoreError) -> Finding:
    """The finding of a check that the store itself kept from being made."""
    return problem(check, error.wrong, error.hint)


def listed(words: Iterable[str]) -> str:
    """The first few of them, and how many more there are."""
    named = list(words)
    more = len(named) - NAMED
    return ", ".join(named[:NAMED]) + (f" and {more} more" if more > 0 else "")


def size(count: int) -> str:
    """Bytes as people read them: `512 B`, `1.5 GiB`."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def counted(n: int, one: str, many: str = "") -> str:
    """A number and what it counts: `1 lost job`, `2 lost jobs`."""
    return f"{n:,} {one}" if n == 1 else f"{n:,} {many or one + 's'}"
