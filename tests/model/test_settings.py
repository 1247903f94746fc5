"""Every setting is known once, bounded, and readable from what was stored."""

from __future__ import annotations

from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queuectl_core.model.cleaning import clean, shown
from queuectl_core.model.errors import InvalidInput
from queuectl_core.model.settings import (
    SETTINGS,
    Kind,
    Settings,
    Value,
    canonical,
    parse_setting,
    setting_named,
)

DEFAULTS = Settings(
    max_retries=3,
    backoff_base=2.0,
    backoff_max=3600.0,
    backoff_jitter=0.0,
    job_timeout=None,
    kill_grace=10.0,
    shutdown_grace=None,
    max_log_bytes=None,
    keep_completed=30 * 86_400.0,
    keep_cancelled=30 * 86_400.0,
    keep_dead=None,
    shell="/bin/sh",
    durability="normal",
    workers=None,
    heartbeat=5.0,
    lease=30.0,
)
TYPE_OF_KIND: dict[Kind, type] = {
    Kind.COUNT: int,
    Kind.NUMBER: float,
    Kind.DURATION: float,
    Kind.SIZE: int,
    Kind.PATH: str,
    Kind.CHOICE: str,
}


def test_the_fields_of_settings_are_the_registry_in_its_order() -> None:
    assert Settings._fields == tuple(SETTINGS)


def test_the_types_of_settings_are_those_of_the_registry() -> None:
    expected = {
        key: TYPE_OF_KIND[setting.kind] | None if setting.optional else TYPE_OF_KIND[setting.kind]
        for key, setting in SETTINGS.items()
    }

    assert get_type_hints(Settings) == expected


def test_nothing_stored_means_the_defaults() -> None:
    assert Settings.from_texts({}) == DEFAULTS


def test_what_is_stored_takes_a_defaults_place() -> None:
    settings = Settings.from_texts({"max_retries": "5", "job_timeout": "1h", "max_log_bytes": "10M"})

    assert settings == DEFAULTS._replace(max_retries=5, job_timeout=3600.0, max_log_bytes=10 * 1024**2)


@given(st.dictionaries(st.sampled_from([*SETTINGS, "unknown"]), st.text()))
def test_unreadable_texts_never_stop_a_reader(texts: dict[str, str]) -> None:
    assert isinstance(Settings.from_texts(texts), Settings)


def test_an_unreadable_text_falls_back_to_its_default() -> None:
    assert Settings.from_texts({"max_retries": "many", "shell": "sh", "unknown": "1"}) == DEFAULTS


@pytest.mark.parametrize("key", SETTINGS)
def test_every_setting_has_a_line_of_help_and_a_canonical_default(key: str) -> None:
    setting = SETTINGS[key]

    assert setting.key == key
    assert setting.help.isprintable()
    assert 10 < len(setting.help) < 80
    assert canonical(key, setting.default) == setting.default


@pytest.mark.parametrize("key", ["max_retries", "max-retries", " max-retries "])
def test_a_key_takes_dashes_for_underscores(key: str) -> None:
    assert setting_named(key) is SETTINGS["max_retries"]


def test_an_unknown_key_is_met_with_the_nearest() -> None:
    with pytest.raises(InvalidInput, match=r'no setting "max_retry": did you mean max_retries\?'):
        setting_named("max_retry")


def test_a_key_near_to_none_is_met_with_all() -> None:
    with pytest.raises(InvalidInput, match="the settings are max_retries, backoff_base"):
        setting_named("colour")


@pytest.mark.parametrize(
    ("key", "text", "value", "stored"),
    [
        ("max_retries", " 007 ", 7, "7"),
        ("max_retries", "0", 0, "0"),
        ("max_retries", "10000", 10_000, "10000"),
        ("backoff_base", "1.5", 1.5, "1.5"),
        ("backoff_base", "1000", 1000.0, "1000"),
        ("backoff_max", " 1h30m ", 5400.0, "1h30m"),
        ("backoff_max", "0", 0.0, "0"),
        ("backoff_jitter", ".25", 0.25, ".25"),
        ("job_timeout", "NONE", None, "none"),
        ("job_timeout", "1ms", 0.001, "1ms"),
        ("max_log_bytes", "1", 1, "1"),
        ("max_log_bytes", "64k", 65_536, "64k"),
        ("max_log_bytes", "64KiB", 65_536, "64KiB"),
        ("max_log_bytes", "10M", 10_485_760, "10M"),
        ("max_log_bytes", "1G", 1_073_741_824, "1G"),
        ("max_log_bytes", "none", None, "none"),
        ("keep_dead", "7d", 604_800.0, "7d"),
        ("shell", "/usr/bin/env bash", "/usr/bin/env bash", "/usr/bin/env bash"),
        ("durability", "full", "full", "full"),
        ("workers", "1000", 1000, "1000"),
    ],
)
def test_a_text_is_read_and_stored(key: str, text: str, value: Value, stored: str) -> None:
    parsed = parse_setting(key, text)

    assert parsed == value
    assert type(parsed) is type(value)
    assert canonical(key, text) == stored


BAD = {
    "max_retries": ["", "-1", "10001", "1.5", "many", "none", "1_000", "٣", "9" * 5000],
    "backoff_base": ["", "0.9", "1001", "-2", "nan", "inf", "1e2", "none"],
    "backoff_max": ["", "-1s", "soon", "none", "3651d"],
    "backoff_jitter": ["-0.1", "1.1", "half"],
    "job_timeout": ["0", "-1", "never"],
    "kill_grace": ["none", "-1"],
    "shutdown_grace": ["", "-1"],
    "max_log_bytes": ["0", "-1", "1.5M", "10X", "M", "64\u212a", "9" * 20 + "T"],
    "keep_completed": ["forever"],
    "keep_cancelled": ["-1d"],
    "keep_dead": ["1y"],
    "shell": ["", "sh", "bin/sh", "/bin/\0sh", "/\ud800", "none"],
    "durability": ["", "FULL", "off", "none"],
    "workers": ["0", "1001", "-1", "2.0", "all"],
    "heartbeat": ["0.1", "none", "-1s"],
    "lease": ["0.9", "none", "fast"],
}


def test_every_setting_has_bad_texts() -> None:
    assert set(BAD) == set(SETTINGS)


@pytest.mark.parametrize(("key", "text"), [(key, text) for key, texts in BAD.items() for text in texts], ids=shown)
def test_a_bad_text_is_refused_in_one_line_that_names_its_setting(key: str, text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        canonical(key, text)

    sentence = str(refusal.value)
    assert sentence.startswith(f"{key} must ")
    assert clean(sentence) == sentence


@given(st.sampled_from(list(SETTINGS)), st.text())
def test_a_canonical_text_has_the_value_of_what_was_typed(key: str, text: str) -> None:
    try:
        stored = canonical(key, text)
    except InvalidInput:
        return
    assert parse_setting(key, stored) == parse_setting(key, text)
    assert canonical(key, stored) == stored
