"""Instants, lengths and sizes as the detail of a job writes them. Pure: the present is passed in."""

from __future__ import annotations

from datetime import datetime

from queuectl_core.model.durations import format_duration
from queuectl_tui.looks.cells import age


def moment(instant: int, now: int) -> str:
    """An instant in local time, without its day where that is today. In ms."""
    try:
        when = datetime.fromtimestamp(instant / 1000)
        today = datetime.fromtimestamp(now / 1000).date()
    except (OverflowError, ValueError, OSError):  # the last hours of the year 9999, east of UTC
        return "in the year 9999"
    return f"{when:%H:%M:%S}" if when.date() == today else f"{when:%Y-%m-%d %H:%M:%S}"


def moment_and_age(instant: int, now: int) -> str:
    """An instant in local time, and how long ago it was or how far ahead it lies. In ms."""
    away = age(instant, now)
    return f"{moment(instant, now)} · {away if instant > now else f'{away} ago'}"


def length(milliseconds: int) -> str:
    """A length of time."""
    return format_duration(milliseconds / 1000)


def size(count: int) -> str:
    """Bytes, short: `512 B`, `1.5 KiB`, `12 MiB`."""
    amount, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1000:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"


def number(count: int, noun: str) -> str:
    """So many of something: `1 line`, `2 lines`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
