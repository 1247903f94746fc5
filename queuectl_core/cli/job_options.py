"""The options that describe a job, and the command after `--`: what `enqueue` and `edit` have in common.

Each value is read by the model's own rule, so that an error names the field as job JSON spells it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from queuectl_core.cli import context
from queuectl_core.cli.parameters import QUEUE, TEXT, Value
from queuectl_core.model.cleaning import shown
from queuectl_core.model.durations import parse_instant
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import Command
from queuectl_core.model.validation import (
    check_command,
    check_cwd,
    check_delay,
    check_env,
    check_max_retries,
    check_priority,
    check_timeout,
    two_instants,
)

F = TypeVar("F", bound=Callable[..., Any])

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_WORDS = "queuectl.words"
"""Where a context keeps the words after `--`."""


class CommandAfterDashes(click.Command):
    """A command that takes whatever stands behind the first `--` for a job's command, untouched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words away before Click looks at them; `command_words` has them then."""
        if "--" in args:
            at = args.index("--")
            ctx.meta[_WORDS] = tuple(args[at + 1 :])
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The line of usage, with what Click knows nothing of."""
        return [*super().collect_usage_pieces(ctx), "[-- CMD [ARG]...]"]


def command_words(ctx: click.Context) -> Command | None:
    """The command after `--`: one word is a line for the shell, several are run as they are.

    None where there was no `--`. Raises InvalidInput where nothing follows it, or what cannot be run.
    """
    words: tuple[str, ...] | None = ctx.meta.get(_WORDS)
    if words is None:
        return None
    if not words:
        raise InvalidInput("command is missing", "give one after --")
    return check_command(words[0] if len(words) == 1 else words)


def _whole(text: str) -> int | str:
    """A number, or the text itself for the model to complain of."""
    return int(text) if _WHOLE.fullmatch(text.strip()) else text


def _instant(text: str, _: str) -> datetime:
    return parse_instant(text, "at", datetime.now(UTC))


_PRIORITY = Value("number", lambda text, _: check_priority(_whole(text)))
_MAX_RETRIES = Value("number", lambda text, _: check_max_retries(_whole(text)))
_DELAY = Value("duration", lambda text, _: check_delay(text))
_AT = Value("time", _instant)
_CWD = Value("directory", lambda text, _: check_cwd(text), "directories")
TIMEOUT = Value("duration", lambda text, _: check_timeout(text))

_OPTIONS = (
    click.option("--queue", type=QUEUE, metavar="Q", help="The queue it waits in."),
    click.option("--priority", type=_PRIORITY, metavar="N", help="-1000 to 1000, higher first."),
    click.option("--delay", type=_DELAY, metavar="D", help="Not before that long from now, such as 90, 10m, 1h30m."),
    click.option("--at", "run_at", type=_AT, metavar="T", help="Not before then: ISO 8601, or a clock time."),
    click.option("--max-retries", type=_MAX_RETRIES, metavar="N", help="How many runs may follow the first."),
    click.option("--cwd", type=_CWD, metavar="DIR", help="The directory to run in."),
    click.option("--env", multiple=True, type=TEXT, metavar="NAME=VALUE", help="A variable to run with; repeatable."),
)


def job_options(function: F) -> F:
    """All of the options but `--id` and `--timeout`; `given` makes the parameters into fields."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def given(options: dict[str, Any]) -> dict[str, Any]:
    """The fields of a job that were given among the parameters of `job_options` and others.

    Raises InvalidInput where both a delay and an instant were, a variable cannot be read, or the directory is none.
    """
    fields = {name: value for name, value in options.items() if value is not None and value != ()}
    if "env" in fields:
        fields["env"] = check_env(dict(_variables(fields["env"])))
    if "cwd" in fields:
        _refuse_no_directory(fields["cwd"])
    if "delay" in fields and "run_at" in fields:
        raise two_instants()
    return fields


def _refuse_no_directory(cwd: str) -> None:
    """Raise InvalidInput for what can be no directory; one that is missing may be made before the job runs.

    Where a server keeps the jobs, they run on other machines, with other files.
    """
    try:
        wrong = None if stat.S_ISDIR(os.stat(cwd).st_mode) else os.strerror(errno.ENOTDIR)
    except OSError as error:
        wrong = error.strerror if error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG) else None
    if wrong and context.home().url is None:
        raise InvalidInput(f"cwd {shown(cwd)}: {wrong.lower()}", "name a directory for the job to run in")


def _variables(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise InvalidInput("env must be NAME=VALUE, and one has no '='")  # not repeated: it may be the value
        yield name, value
