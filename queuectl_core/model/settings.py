"""Every setting once: its name, kind, default, bounds, unit and a line of help.

Settings are stored as the text people typed and read here into values: durations as float
seconds, sizes as bytes. Where they are stored, and who takes them up when, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Self

from queuectl_core.model.cleaning import shown
from queuectl_core.model.durations import LONGEST_SECONDS, format_duration, parse_duration
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.job import DEFAULT_MAX_RETRIES, MOST_RETRIES
from queuectl_core.model.validation import SHORTEST_TIMEOUT, check_path, nearest

NONE = "none"
"""The text of an optional setting that is switched off."""


class Kind(StrEnum):
    """What the text of a setting is read as."""

    COUNT = "whole number"
    NUMBER = "number"
    DURATION = "duration"
    SIZE = "size"
    PATH = "path"
    CHOICE = "choice"


Value = int | float | str | None


class Setting(NamedTuple):
    """One setting. `default` is text as a person would type it; bounds are in the unit of the value."""

    key: str
    kind: Kind
    default: str
    minimum: float = 0
    maximum: float = 0
    unit: str = ""
    optional: bool = False
    choices: tuple[str, ...] = ()
    help: str = ""


def _duration(key: str, default: str, text: str, *, minimum: float = 0, optional: bool = False) -> Setting:
    return Setting(key, Kind.DURATION, default, minimum, LONGEST_SECONDS, "s", optional, help=text)


_ALL = (
    Setting("max_retries", Kind.COUNT, str(DEFAULT_MAX_RETRIES), 0, MOST_RETRIES, "retries",
            help="how many runs may follow a job's first one before it is dead"),
    Setting("backoff_base", Kind.NUMBER, "2", 1, 1000,
            help="a failed job waits base ^ attempts seconds for its next run"),
    _duration("backoff_max", "3600", "the longest a failed job waits for its next run"),
    Setting("backoff_jitter", Kind.NUMBER, "0", 0, 1,
            help="the fraction by which a wait is moved up or down at random"),
    _duration("job_timeout", NONE, "how long a run may take where its job does not say",
              minimum=SHORTEST_TIMEOUT, optional=True),
    _duration("kill_grace", "10", "how long a run that is to end may take before it is killed"),
    _duration("shutdown_grace", NONE, "how long a stopping pool waits for its runs before it ends them",
              optional=True),
    Setting("max_log_bytes", Kind.SIZE, NONE, 1, 2**62, "bytes", optional=True,
            help="how much output a run may write before it is ended"),
    _duration("keep_completed", "30d", "how long completed jobs and their logs are kept", optional=True),
    _duration("keep_cancelled", "30d", "how long cancelled jobs and their logs are kept", optional=True),
    _duration("keep_dead", NONE, "how long dead jobs and their logs are kept", optional=True),
    Setting("shell", Kind.PATH, "/bin/sh", help="the program that runs commands given as text, by its -c"),
    Setting("durability", Kind.CHOICE, "normal", choices=("normal", "full"),
            help="full makes results survive power loss too; enqueued jobs always do"),
    Setting("workers", Kind.COUNT, NONE, 1, 1000, "workers", optional=True,
            help="how many workers a pool starts; none means one a core"),
    _duration("heartbeat", "5", "how often workers that share a server say that they are alive", minimum=0.2),
    _duration("lease", "30", "how long one of them may be silent before others take its jobs", minimum=1),
)  # fmt: skip

SETTINGS: dict[str, Setting] = {setting.key: setting for setting in _ALL}
"""Every setting by its key, in the order in which they are shown."""

_WHOLE = r"-?[0-9]{1,20}"
_DECIMAL = r"-?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
_SIZE = r"(?ai)([0-9]{1,20})([kmgt]?)(?:i?b)?"
_BITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


def setting_named(key: str) -> Setting:
    """The setting of that key, with `-` for `_` if need be. Raises InvalidInput where there is none."""
    name = key.strip().replace("-", "_")
    if name not in SETTINGS:
        hint = nearest(name, SETTINGS) or f"the settings are {', '.join(SETTINGS)}"
        raise InvalidInput(f"there is no setting {shown(key)}", hint)
    return SETTINGS[name]


def parse_setting(key: str, text: str) -> Value:
    """The value that `text` gives a setting: seconds, bytes, a number, text, or None for `none`.

    Raises InvalidInput for an unknown key, and for text that cannot be read or is out of bounds.
    """
    setting, stripped = setting_named(key), text.strip()
    if setting.optional and stripped.lower() == NONE:
        return None
    match setting.kind:
        case Kind.COUNT:
            return int(_bounded(setting, text, int(stripped) if re.fullmatch(_WHOLE, stripped) else None))
        case Kind.NUMBER:
            return float(_bounded(setting, text, float(stripped) if re.fullmatch(_DECIMAL, stripped) else None))
        case Kind.DURATION:
            return float(_bounded(setting, text, parse_duration(stripped, setting.key)))
        case Kind.SIZE:
            return int(_bounded(setting, text, _bytes_of(stripped)))
        case Kind.PATH:
            return _absolute(setting, stripped)
        case Kind.CHOICE:
            return _chosen(setting, stripped)


def canonical(key: str, text: str) -> str:
    """The text to store for a setting: as typed, without blanks around it; whole numbers without idle zeros.

    Raises InvalidInput as `parse_setting` does.
    """
    value = parse_setting(key, text)
    if value is None:
        return NONE
    return str(value) if setting_named(key).kind is Kind.COUNT else text.strip()


def _bounded(setting: Setting, text: str, value: float | None) -> float:
    if value is None or not setting.minimum <= value <= setting.maximum:
        raise InvalidInput(f"{setting.key} must be {_expected(setting)}, not {shown(text)}")
    return value


def _expected(setting: Setting) -> str:
    low, high = f"{setting.minimum:g}", f"{setting.maximum:g}"
    match setting.kind:
        case Kind.DURATION:
            wanted = f"from {format_duration(setting.minimum)} to {format_duration(setting.maximum)}"
        case Kind.SIZE:
            wanted = "a size of 1 byte or more, such as 64k, 10M or 1G"
        case kind:
            wanted = f"a {kind} from {low} to {high}"
    return f"{wanted}, or none" if setting.optional else wanted


def _bytes_of(text: str) -> int | None:
    match = re.fullmatch(_SIZE, text)
    if not match:
        return None
    number, letter = match.groups()
    return int(number) << _BITS[letter.lower()]


def _absolute(setting: Setting, text: str) -> str:
    if not text.startswith("/"):
        raise InvalidInput(f"{setting.key} must be an absolute path, not {shown(text)}")
    return check_path(text, setting.key)


def _chosen(setting: Setting, text: str) -> str:
    if text not in setting.choices:
        raise InvalidInput(f"{setting.key} must be {' or '.join(setting.choices)}, not {shown(text)}")
    return text


class Settings(NamedTuple):
    """The values of all settings together; durations are seconds, None means `none`."""

    max_retries: int
    backoff_base: float
    backoff_max: float
    backoff_jitter: float
    job_timeout: float | None
    kill_grace: float
    shutdown_grace: float | None
    max_log_bytes: int | None
    keep_completed: float | None
    keep_cancelled: float | None
    keep_dead: float | None
    shell: str
    durability: str
    workers: int | None
    heartbeat: float
    lease: float

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> Self:
        """Settings from what is stored, by key. What is missing or unreadable takes its default."""
        values: dict[str, Any] = {key: _stored(setting, texts.get(key)) for key, setting in SETTINGS.items()}
        return cls(**values)


def _stored(setting: Setting, text: str | None) -> Value:
    if text is not None:
        try:
            return parse_setting(setting.key, text)
        except InvalidInput:
            pass
    return parse_setting(setting.key, setting.default)
