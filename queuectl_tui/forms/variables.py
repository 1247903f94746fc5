"""Environment variables on one line: quoted as a shell would, their values hidden until somebody asks. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from queuectl_core.model.cleaning import clean, shown
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.validation import check_env

HIDDEN = "••••"
"""Stands for a value that stays as it is."""


def one_line(env: Mapping[str, str], *, revealed: bool = False) -> str:
    """`NAME=VALUE …`. A value that cannot be shown on a line as it is stays hidden."""
    return " ".join(
        _variable(name, value if revealed and clean(value) == value else HIDDEN) for name, value in env.items()
    )


def _variable(name: str, value: str) -> str:
    return f"{_quoted(name)}={value if value == HIDDEN else _quoted(value)}"


def _quoted(text: str) -> str:
    return shlex.quote(text) if text else ""


def read_variables(text: str, kept: Mapping[str, str]) -> dict[str, str]:
    """The variables that a line names; a hidden one keeps its value out of `kept`. Raises InvalidInput."""
    env: dict[str, str] = {}
    for word in _words(text):
        name, equals, value = word.partition("=")
        if not equals:
            raise InvalidInput(f"env must be NAME=VALUE, not {shown(word)}", "quote a value that has spaces")
        if name in env:
            raise InvalidInput(f"env gives {shown(name)} more than once")
        if value == HIDDEN:
            if name not in kept:
                raise InvalidInput(f"env has no value of {shown(name)} to keep")
            value = kept[name]
        env[name] = value
    return check_env(env)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidInput("env has a quotation mark that is not closed, or a backslash at its end") from None


def revealed(text: str, kept: Mapping[str, str]) -> str:
    """The same line with the values that are hidden. Raises InvalidInput where it cannot be read."""
    return one_line(read_variables(text, kept), revealed=True)


def hidden(text: str, kept: Mapping[str, str]) -> str:
    """The same line, where values that are still the kept ones are hidden. Raises InvalidInput as `revealed`."""
    env = read_variables(text, kept)
    return " ".join(_variable(name, HIDDEN if kept.get(name) == value else value) for name, value in env.items())
