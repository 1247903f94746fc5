"""Lengths of time and instants, as people write them.

Durations are float seconds here, instants are aware datetimes in UTC. The present is always
passed in: the model has no clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from queuectl_core.model.cleaning import shown
from queuectl_core.model.errors import InvalidInput

LONGEST_SECONDS = 3650 * 86_400.0
"""Ten years: the longest delay, timeout or time to keep."""

# Patterns are compiled when they are first used: most commands read no time, and all pay for imports.
_NUMBER = r"((?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))"
_WITH_UNITS = "".join(rf"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m", "s", "ms"))
_SECONDS_PER_UNIT = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
_CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?"
_ISO = (
    r"(?ai)[0-9]{4}(?:-[0-9]{2}-[0-9]{2}|[0-9]{4}|-?W[0-9]{2}(?:-?[0-9])?)"
    r"(?:[T ][0-9:.,]+(?:Z|[+-][0-9:.]+)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(value: object, field: str) -> float:
    """Seconds, from a number of them or from text such as `90`, `1.5s`, `250ms`, `10m`, `7d` or `1h30m`.

    Units stand in descending order, each at most once. Raises InvalidInput, naming `field`, for
    anything else, for a negative length and for more than ten years.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _no_duration(value, field)
    seconds = _seconds_of(value) if isinstance(value, str) else value
    if seconds is None or seconds != seconds:
        raise _no_duration(value, field)
    if seconds < 0:
        raise InvalidInput(f"{field} must not be negative, but is {shown(value)}")
    if seconds > LONGEST_SECONDS:
        raise InvalidInput(f"{field} must be at most ten years (3650d), not {shown(value)}")
    return float(seconds)


def _seconds_of(text: str) -> float | None:
    stripped = text.strip()
    sign = -1.0 if stripped.startswith("-") else 1.0
    unsigned = stripped.removeprefix("-")
    if re.fullmatch(_NUMBER, unsigned):
        return sign * float(unsigned)
    match = re.fullmatch(_WITH_UNITS, unsigned)
    if not match or not unsigned:
        return None
    parts = zip(match.groups(), _SECONDS_PER_UNIT, strict=True)
    return sign * sum(float(number) * unit for number, unit in parts if number)


def _no_duration(value: object, field: str) -> InvalidInput:
    return InvalidInput(f"{field} must be a duration such as 90, 1.5s, 10m or 1h30m, not {shown(value)}")


def format_duration(seconds: float, parts: int = 2) -> str:
    """A length of time, short, for people: `250ms`, `1.5s`, `1h30m`, `7d`.

    Below a minute to three digits; above, whole seconds in at most `parts` units, the rest cut off
    (with 4 none is). Text that `parse_duration` reads. A negative length counts as none.
    """
    milliseconds = round(max(0.0, seconds) * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.3g}s"
    rest, written = round(milliseconds / 1000), list[str]()
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, size)
        if written or count:
            written.append(f"{count}{unit}" if count else "")
    return "".join(written[:parts])


def parse_instant(text: object, field: str, now: datetime) -> datetime:
    """An instant from ISO 8601 (without a zone: local time), or from a clock time, the next one after `now`.

    Raises InvalidInput, naming `field`, where the text is neither or lies outside 1970 to 9999.
    """
    if not isinstance(text, str):
        raise _no_instant(text, field)
    stripped = text.strip()
    if match := re.fullmatch(_CLOCK, stripped):
        hour, minute, second = (int(digits or 0) for digits in match.groups())
        if hour > 23 or minute > 59 or second > 59:
            raise _no_instant(text, field)
        return _next_clock_time(hour, minute, second, field, now)
    if not re.fullmatch(_ISO, stripped):
        raise _no_instant(text, field)
    try:
        moment = datetime.fromisoformat(stripped.upper())
    except ValueError:
        raise _no_instant(text, field) from None
    return aware(moment, field)


def aware(moment: datetime, field: str) -> datetime:
    """`moment` in UTC; a naive one means local time. Raises InvalidInput outside 1970 to 9999."""
    try:
        instant = moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError):  # what the C library says of years it cannot place
        raise _out_of_range(field) from None
    if instant < _EPOCH:
        raise _out_of_range(field)
    return instant


def _next_clock_time(hour: int, minute: int, second: int, field: str, now: datetime) -> datetime:
    """Where clocks are set back a time comes twice a day (`fold`), and the first still to come is meant."""
    try:
        today = now.astimezone().replace(tzinfo=None, hour=hour, minute=minute, second=second, microsecond=0)
        for day in (today, today + timedelta(days=1)):
            for fold in (0, 1):
                instant = aware(day.replace(fold=fold), field)
                if instant > now.astimezone(UTC):
                    return instant
    except (OverflowError, ValueError, OSError):
        raise _out_of_range(field) from None
    raise _out_of_range(field)


def _no_instant(value: object, field: str) -> InvalidInput:
    return InvalidInput(
        f"{field} must be a time such as 2030-01-31T09:30 (ISO 8601) or 09:30 (the next), not {shown(value)}"
    )


def _out_of_range(field: str) -> InvalidInput:
    return InvalidInput(f"{field} must lie in the years 1970 to 9999")
