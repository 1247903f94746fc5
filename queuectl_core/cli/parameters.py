"""The kinds of values that options and arguments take, each read by the model's rules.

A value that cannot be meant raises InvalidInput, so that its sentence is the model's. What a shell may
complete them to is `completion.py`, imported only when one asks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from queuectl_core.model.cleaning import shown
from queuectl_core.model.durations import parse_duration, parse_instant
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import ENDED, JobState
from queuectl_core.model.validation import check_queue, check_text, nearest

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Type = click.ParamType[Any]
else:
    Type = click.ParamType  # takes no parameter in every version of Click that we allow

F = TypeVar("F", bound=Callable[..., Any])

Checked = Callable[[str, str], object]
"""The text and the name of its option -> the value, or InvalidInput."""


class Value(Type):
    """A value that `check` reads; `completes` names what `completion.py` offers for it."""

    def __init__(self, name: str, check: Checked, completes: str = "") -> None:
        self.name = name
        self._check = check
        self._completes = completes

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        """The value, or InvalidInput."""
        if not isinstance(value, str) or (ctx is not None and ctx.resilient_parsing):
            return value
        return self._check(value, _spelling(param))

    def shell_complete(self, ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What a shell may complete the text to."""
        if not self._completes:
            return []
        from queuectl_core.cli import completion

        return completion.items(self._completes, ctx, incomplete)


class FilePath(click.Path):
    """A file, or `-` for a stream; which of them there are is asked later."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or InvalidInput where it is empty, which the system would call a file that it does not find."""
        if value == "" and not (ctx is not None and ctx.resilient_parsing):
            raise InvalidInput(f"{_spelling(param)} must not be empty")
        return super().convert(value, param, ctx)


def _spelling(param: click.Parameter | None) -> str:
    """What an error calls an option, as it is written, or an argument, by its name."""
    if param is None or not param.name:
        return "the value"
    return param.name if isinstance(param, click.Argument) else max(param.opts, key=len)


def _as_it_is(text: str, _: str) -> str:
    return text


def _count(text: str, name: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_COUNT)) and int(text) >= 1:
        return int(text)
    raise InvalidInput(f"{name} must be a whole number from 1 to {LARGEST_COUNT}, not {shown(text)}")


LARGEST_COUNT = 10**18 - 1


def _states(text: str, _: str) -> tuple[JobState, ...]:
    return tuple(_one_of(word.strip(), tuple(JobState)) for word in text.split(","))


def _ended_states(text: str, _: str) -> tuple[JobState, ...]:
    return tuple(_one_of(word.strip(), ENDED) for word in text.split(","))


def _one_of(word: str, allowed: tuple[JobState, ...]) -> JobState:
    if word in allowed:
        return JobState(word)
    hint = nearest(word, allowed) or f"it is one of {', '.join(allowed)}"
    if word in tuple(JobState):
        raise InvalidInput(f"state must be one of an ended job, not {shown(word)}", hint)
    raise InvalidInput(f"there is no state {shown(word)}", hint)


def _instant(text: str, name: str) -> datetime:
    return parse_instant(text, name, datetime.now(UTC))


JOB_ID = Value("id", check_text, "job_ids")
WAITING_OR_RUNNING_ID = Value("id", check_text, "cancellable_ids")
ENDED_ID = Value("id", check_text, "ended_ids")
DEAD_ID = Value("id", check_text, "dead_ids")
QUEUE = Value("queue", lambda text, _: check_queue(text), "queues")
STATES = Value("state", _states, "states")
"""One state, or several with commas between them; a tuple."""
ENDED_STATES = Value("state", _ended_states, "ended_states")
SETTING = Value("key", _as_it_is, "setting_keys")
SECONDS = Value("duration", parse_duration)
"""A duration; float seconds."""
INSTANT = Value("time", _instant)
"""A datetime in UTC."""
COUNT = Value("number", _count)
"""1 or more."""
TEXT = Value("text", _as_it_is)
"""Any text, for an option whose value the model checks later."""


def json_option(function: F) -> F:
    """`--json`, as the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def yes_option(function: F) -> F:
    """`--yes`, as the parameter `yes`: the answer to the question a command asks."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def queue_option(function: F) -> F:
    """`--queue`, as the parameter `queue`: None or a name."""
    return click.option("--queue", type=QUEUE, metavar="Q", help="Only of this queue.")(function)
