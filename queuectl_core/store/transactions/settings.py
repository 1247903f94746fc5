"""The settings that the store keeps: what was set, as text, and a version that counts the changes."""

from __future__ import annotations

from typing import NamedTuple

from queuectl_core.model.settings import Settings, canonical, setting_named
from queuectl_core.store.statements import Statement, Steps, read, write


class StoredSettings(NamedTuple):
    """What was set, by key, and the version of it: it grows with each change."""

    version: int
    texts: dict[str, str]

    @property
    def values(self) -> Settings:
        """Every setting as a value, defaults where none was set."""
        return Settings.from_texts(self.texts)


@read
def settings() -> Steps[StoredSettings]:
    """What was set so far."""
    rows = yield Statement("settings")
    [(version,)] = yield Statement("settings_version")
    return StoredSettings(version, dict(rows))


@write
def set_setting(key: str, text: str) -> Steps[str]:
    """Keep a setting; returns the text as kept. Raises InvalidInput for an unknown key or a bad value."""
    name = setting_named(key).key
    value = canonical(name, text)
    yield Statement("set_setting", {"key": name, "value": value})
    yield Statement("bump_settings")
    return value


@write
def unset_setting(key: str) -> Steps[None]:
    """Go back to a setting's default. Raises InvalidInput for an unknown key."""
    yield Statement("unset_setting", {"key": setting_named(key).key})
    yield Statement("bump_settings")
