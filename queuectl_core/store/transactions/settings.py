"""The settings that the store keeps: what was set, as text, and a version that counts the changes."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.cleaning import clean
from queuectl_core.model.errors import Refused
from queuectl_core.model.settings import Settings, canonical, setting_named
from queuectl_core.store.statements import Statement, Steps, read, write

IMPORT_MARK = ".import"
"""The key of the row that says how far an unfinished import is; no setting can have it."""


class StoredSettings(NamedTuple):
    """What was set, by key, and the version of it: it grows with each change."""

    version: int
    texts: dict[str, str]

    @property
    def values(self) -> Settings:
        """Every setting as a value, defaults where none was set."""
        return Settings.from_texts(self.texts)

    @property
    def amid_import(self) -> bool:
        """Whether an import has not come to its end: nobody has verified its jobs yet."""
        return IMPORT_MARK in self.texts


class SettingChange(NamedTuple):
    """A setting that was changed: its text before and after, None where it was, or is, not set."""

    key: str
    before: str | None
    after: str | None


@read
def settings() -> Steps[StoredSettings]:
    """What was set so far."""
    rows = yield Statement("settings")
    [(_, version)] = yield Statement("now_and_version")
    return StoredSettings(version, dict(rows))


@write
def set_setting(key: str, text: str) -> Steps[str]:
    """Keep a setting; returns the text as kept. Raises InvalidInput for an unknown key or a bad value."""
    name = setting_named(key).key
    value = canonical(name, text)
    yield from _keep(name, value)
    return value


@write
def unset_setting(key: str) -> Steps[None]:
    """Go back to a setting's default. Raises InvalidInput for an unknown key."""
    yield from _keep(setting_named(key).key, None)


@write
def change_setting(key: str, text: str | None) -> Steps[SettingChange]:
    """Set a setting, or unset it with None, and say what was there before.

    Raises InvalidInput for an unknown key or a bad value.
    """
    name = setting_named(key).key
    kept = None if text is None else canonical(name, text)
    before = dict((yield Statement("settings"))).get(name)
    yield from _keep(name, kept)
    return SettingChange(name, before, kept)


@write
def undo_setting(change: SettingChange) -> Steps[None]:
    """Put back what was there before a change. Raises Refused where the setting was changed again since."""
    present = dict((yield Statement("settings"))).get(change.key)
    if present != change.after:
        raise Refused(f"{change.key} was changed again since, and stays {clean(present) if present else 'unset'}")
    yield from _keep(change.key, change.before)


def _keep(key: str, text: str | None) -> Steps[None]:
    if text is None:
        yield Statement("unset_setting", {"key": key})
    else:
        yield Statement("set_setting", {"key": key, "value": text})
    yield Statement("bump_settings")
