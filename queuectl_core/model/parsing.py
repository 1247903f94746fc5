"""Job JSON in: text to a NewJob, or one clear sentence on why not.

The fields and their spellings are here; the rule of each value is `validation.py`. Nothing is
guessed: an unknown field, one that comes twice or a value of the wrong kind refuses the job.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NoReturn

from queuectl_core.model.cleaning import clean, shown
from queuectl_core.model.durations import parse_instant
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import JobState, NewJob
from queuectl_core.model.validation import (
    check_command,
    check_cwd,
    check_delay,
    check_env,
    check_id,
    check_max_retries,
    check_priority,
    check_queue,
    check_timeout,
    nearest,
    two_instants,
)

_CHECKS: dict[str, Callable[[object], object]] = {
    "command": check_command,
    "id": check_id,
    "queue": check_queue,
    "priority": check_priority,
    "max_retries": check_max_retries,
    "timeout": check_timeout,
    "delay": check_delay,
    "cwd": check_cwd,
    "env": check_env,
}
_INSTANTS = ("run_at", "next_run", "next_run_at")
_IGNORED = ("created_at", "updated_at")
_NULL_IS_UNSET = frozenset(("timeout", "cwd", "env", *_INSTANTS, *_IGNORED))
FIELDS = (*_CHECKS, *_INSTANTS, "state", "attempts", *_IGNORED)
"""Every field that job JSON may carry."""
_EXAMPLE = 'a job looks like {"command": "echo hello"}'


def parse_job(text: str, now: datetime) -> NewJob:
    """The job that a JSON object asks for. Raises InvalidInput, and nothing else, for any other text.

    `now` settles which day a clock time in `run_at` means.
    """
    given = _object(text)
    values: dict[str, Any] = {}
    for name, value in given.items():
        if value is None and name in _NULL_IS_UNSET:
            continue
        if check := _CHECKS.get(name):
            values[name] = check(value)
        elif name in _INSTANTS:
            if "run_at" in values:
                raise InvalidInput(f"{name} says again when to run", f"give one of {', '.join(_INSTANTS)}")
            values["run_at"] = parse_instant(value, name, now)
        elif name not in _IGNORED:
            _check_inert(name, value)
    if "command" not in values:
        raise InvalidInput("command is missing", _EXAMPLE)
    if "run_at" in values and "delay" in values:
        raise two_instants()
    return NewJob(**values)


def _check_inert(name: str, value: object) -> None:
    """Fields that old job files carry and that can say only what is true of every new job."""
    if name == "state":
        if value != JobState.PENDING.value:
            raise InvalidInput(f'state must be "pending" in a new job, not {shown(value)}')
    elif name == "attempts":
        if type(value) is not int or value != 0:
            raise InvalidInput(f"attempts must be 0 in a new job, not {shown(value)}")
    else:
        raise InvalidInput(f"a job has no field {shown(name)}", nearest(name, FIELDS))


def _object(text: str) -> dict[str, object]:
    try:
        given = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidInput(f"the job is not valid JSON: {clean(error.msg)} ({place})") from None
    except RecursionError:
        raise InvalidInput("the job is nested too deeply") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise InvalidInput("the job contains a number with too many digits") from None
    if not isinstance(given, dict):
        raise InvalidInput(f"a job must be a JSON object, not {shown(given)}", _EXAMPLE)
    return given


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InvalidInput(f"the job gives {shown(name)} more than once")
            seen.add(name)
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput(f"the job is not valid JSON: it has no number {name}")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)
