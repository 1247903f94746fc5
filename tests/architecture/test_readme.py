"""What the README says of commands and settings is what there is."""

from __future__ import annotations

import re

import click
import pytest

from queuectl_core.cli.main import COMMANDS, group
from tests.architecture.readme_tables import README, with_table

TEXT = README.read_text(encoding="utf-8")
TABLE = TEXT.partition("## Commands")[2].partition("## Settings")[0]


def commands() -> list[str]:
    """Every command and every command of a group, as one would type it."""
    context = click.Context(group)
    found = []
    for name in COMMANDS:
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            found += [f"{name} {member}" for member in command.list_commands(context)]
        else:
            found.append(name)
    return found


def test_the_tables_of_settings_and_keys_are_those_of_the_registries() -> None:
    assert with_table(TEXT) == TEXT, "run 'python -m tests.architecture.readme_tables'"


@pytest.mark.parametrize("command", commands())
def test_every_command_stands_in_the_table(command: str) -> None:
    group, _, member = command.partition(" ")
    rows = [row for row in TABLE.splitlines() if row.startswith("|") and f"`{group}" in row]

    assert rows, command
    assert any(re.search(rf"`(?:{group} )?{member}\b", row) for row in rows), command


def test_every_option_in_the_table_exists() -> None:
    context = click.Context(group)
    known = set()
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        members = command.commands.values() if isinstance(command, click.Group) else [command]
        known |= {option for member in members for parameter in member.params for option in parameter.opts}
    known |= {option for parameter in group.params for option in parameter.opts}

    assert set(re.findall(r"(?<![\w-])--[a-z-]+[a-z]", TABLE)) <= known | {"--help"}
