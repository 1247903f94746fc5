"""`queuectl config`: the settings, listed, read, set and given back to their defaults."""

from __future__ import annotations

import os
import sys

import click

from queuectl_core.cli import context, output
from queuectl_core.cli.output import Cell, Column
from queuectl_core.cli.parameters import SETTING, TEXT, json_option
from queuectl_core.cli.shapes import Shape
from queuectl_core.model.settings import SETTINGS, Setting, parse_setting, setting_named
from queuectl_core.store.transactions.settings import set_setting, settings, unset_setting


@click.group("config", short_help="List, get and set the settings.")
def config() -> None:
    """List, get and set the settings; running pools take them up."""


@config.command("list", short_help="List every setting with its value.")
@json_option
def list_settings(as_json: bool) -> None:
    """List every setting with its value."""
    with context.open_store() as store:
        texts = store.run(settings()).texts
    if as_json:
        output.json_array(setting_json(setting, texts.get(setting.key)) for setting in SETTINGS.values())
    elif output.at_terminal():
        output.table(_COLUMNS, (_row(setting, texts.get(setting.key)) for setting in SETTINGS.values()))
    else:
        output.facts((key, texts.get(key, setting.default)) for key, setting in SETTINGS.items())


@config.command("get", short_help="Print the value of a setting, alone.")
@click.argument("key", type=SETTING)
def get(key: str) -> None:
    """Print the value of a setting, alone."""
    setting = setting_named(key)
    with context.open_store() as store:
        texts = store.run(settings()).texts
    output.data(texts.get(setting.key, setting.default))


@config.command(
    "set",
    short_help="Set a setting.",
    # So that a value may begin with a hyphen: it is then refused as what it is, and not as an option.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("key", type=SETTING)
@click.argument("value", type=TEXT)
def set_value(key: str, value: str) -> None:
    """Set a setting; running pools take it up."""
    with context.open_store() as store:
        kept = store.run(set_setting(key, value))
    if setting_named(key).key == "shell" and not _can_be_run(kept):
        output.note(f"{kept} is no program that can be run here: jobs given as text will fail")
    _tell_a_person(f"{setting_named(key).key} is now {kept}")


@config.command("unset", short_help="Give a setting back to its default.")
@click.argument("key", type=SETTING)
def unset(key: str) -> None:
    """Give a setting back to its default."""
    setting = setting_named(key)
    with context.open_store() as store:
        store.run(unset_setting(setting.key))
    _tell_a_person(f"{setting.key} is now {setting.default}, its default")


def _can_be_run(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def setting_json(setting: Setting, text: str | None) -> Shape:
    """A setting as scripts read it: values in its unit, null for none; `set` where it differs from unset."""
    return {
        "key": setting.key,
        "value": _number(parse_setting(setting.key, setting.default if text is None else text)),
        "default": _number(parse_setting(setting.key, setting.default)),
        "unit": setting.unit or None,
        "help": setting.help,
        "set": text is not None,
    }


def _number(value: float | str | None) -> float | str | None:
    """Whole numbers without a fraction."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_COLUMNS = (
    Column("SETTING"),
    Column("VALUE"),
    Column("DEFAULT"),
    Column("UNIT"),
    Column("WHAT IT IS", wide=True, folds=True),
)


def _row(setting: Setting, text: str | None) -> list[Cell | str]:
    value = setting.default if text is None else text
    return [
        setting.key,
        Cell(value, value, "" if text is None else "bold"),
        Cell(setting.default, setting.default, "dim"),
        setting.unit,
        setting.help,
    ]


def _tell_a_person(text: str) -> None:
    if sys.stderr.isatty():
        output.note(text)
