"""The fields of the form: how each is written on its line, and read from it by the model's own rules. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from queuectl_core.model.cleaning import clean
from queuectl_core.model.durations import format_duration, parse_instant
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import DEFAULT_QUEUE, Command, NewJob
from queuectl_core.model.validation import (
    check_command,
    check_cwd,
    check_delay,
    check_id,
    check_max_retries,
    check_priority,
    check_queue,
    check_timeout,
    two_instants,
)
from queuectl_tui.forms.as_text import dumped
from queuectl_tui.forms.drafts import Draft, missing
from queuectl_tui.forms.variables import one_line, read_variables

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)


class Field(NamedTuple):
    """A line of the form. `name` is that of job JSON; `blank` is what nothing typed means."""

    name: str
    label: str
    hint: str
    write: Callable[[NewJob], str]
    read: Callable[[str], Any]
    """A value, of whatever type the field has in `NewJob`."""
    blank: object = None


class Reading(NamedTuple):
    """What the lines make: a job, or what is wrong with which field."""

    job: NewJob | None
    wrong: dict[str, str]


def _command_text(command: Command) -> str:
    return command if isinstance(command, str) else dumped(list(command))


def read_command(text: str) -> Command:
    """A line for the shell, or, where it is a JSON list of text, an argument vector. Raises InvalidInput."""
    if text.lstrip().startswith("["):
        try:
            words = json.loads(text)
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return check_command(words)
    return check_command(text)


def _whole(text: str) -> int | str:
    return int(text) if _WHOLE.fullmatch(text.strip()) else text


def _length(seconds: float | None) -> str:
    return format_duration(seconds, 4) if seconds else ""


def _moment(instant: datetime | None) -> str:
    return "" if instant is None else instant.astimezone().isoformat(timespec="seconds")[:19]


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


FIELDS = (
    Field("command", "command", 'a line for the shell, or a list such as ["make", "all"]',
          lambda job: _command_text(job.command), read_command),
    Field("id", "id", "none: it is called by its number", lambda job: job.id or "",
          lambda text: check_id(text.strip())),
    Field("queue", "queue", DEFAULT_QUEUE, lambda job: job.queue, lambda text: check_queue(text.strip()),
          DEFAULT_QUEUE),
    Field("priority", "priority", "0; from -1000 to 1000, higher first", lambda job: str(job.priority),
          lambda text: check_priority(_whole(text)), 0),
    Field("max_retries", "max retries", "as the setting max_retries says", lambda job: _number(job.max_retries),
          lambda text: check_max_retries(_whole(text))),
    Field("timeout", "timeout", "none of its own; such as 90, 10m, 1h30m", lambda job: _length(job.timeout),
          check_timeout),
    Field("delay", "delay", "none; such as 90, 10m, 1h30m", lambda job: _length(job.delay), check_delay, 0.0),
    Field("run_at", "run at", "now; such as 09:30 or 2030-01-31T09:30", lambda job: _moment(job.run_at), str),
    Field("cwd", "directory", "where the console was started", lambda job: job.cwd or "", check_cwd),
    Field("env", "environment", "NAME=VALUE …, values with spaces in quotes", lambda job: one_line(job.env or {}),
          str),
)  # fmt: skip

_CANNOT_BE_WITHOUT = frozenset(("max_retries", "cwd"))


def fields_of(draft: Draft) -> tuple[Field, ...]:
    """The fields that are filled in: the id of a stored job is what it is."""
    return tuple(field for field in FIELDS if not (draft.in_place and field.name == "id"))


def texts_of(draft: Draft) -> dict[str, str]:
    """What the lines say at first."""
    if draft.job is None:
        return dict.fromkeys((field.name for field in FIELDS), "")
    return {field.name: clean(field.write(draft.before)) for field in fields_of(draft)}


def locked(draft: Draft) -> frozenset[str]:
    """The fields that one line cannot show as they are, such as a command of several lines."""
    written = {field.name: field.write(draft.before) for field in fields_of(draft)}
    return frozenset(name for name, text in written.items() if clean(text) != text)


def read(texts: Mapping[str, str], draft: Draft, now: datetime) -> Reading:
    """The job that the lines describe; `now` settles which day a clock time means.

    A line that still says what it said at first keeps the value, to the last digit and character.
    """
    first = texts_of(draft)
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for field in fields_of(draft):
        text = texts[field.name]
        try:
            if draft.job is not None and text == first[field.name]:
                values[field.name] = getattr(draft.before, field.name)
            else:
                values[field.name] = _value(field, text, draft, now)
        except InvalidInput as error:
            wrong[field.name] = str(error)
    if values.get("run_at") is not None and values.get("delay"):
        wrong["run_at"] = str(two_instants())
    return Reading(None if wrong else NewJob(**values), wrong)


def _value(field: Field, text: str, draft: Draft, now: datetime) -> object:
    if not text.strip() and field.name != "command":
        if draft.in_place and field.name in _CANNOT_BE_WITHOUT:
            raise missing(field.name)
        return field.blank
    if field.name == "run_at":
        return parse_instant(text, "run_at", now)
    if field.name == "env":
        return read_variables(text, draft.before.env or {})
    return field.read(text)
