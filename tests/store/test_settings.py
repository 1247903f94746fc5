"""Settings as the store keeps them: as text, under a version that grows."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl_core.model.errors import InvalidInput
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.settings import set_setting, settings, unset_setting
from tests.store.engines import Engine


def test_what_was_never_set_has_its_default(store: Engine) -> None:
    stored = store.run(settings())

    assert stored.texts == {}
    assert (stored.values.max_retries, stored.values.kill_grace) == (3, 10.0)


def test_a_setting_is_kept_as_typed_under_its_own_key(store: Engine) -> None:
    assert store.run(set_setting("Kill-Grace".lower(), " 1m30s ")) == "1m30s"

    stored = store.run(settings())
    assert stored.texts == {"kill_grace": "1m30s"}
    assert stored.values.kill_grace == 90.0


def test_the_latest_value_counts(store: Engine) -> None:
    store.run(set_setting("max_retries", "5"))
    store.run(set_setting("max_retries", "6"))

    assert store.run(settings()).values.max_retries == 6


def test_an_unset_setting_has_its_default_again(store: Engine) -> None:
    store.run(set_setting("max_retries", "5"))
    store.run(unset_setting("max-retries"))

    assert store.run(settings()).values.max_retries == 3


def test_the_version_grows_with_each_change(store: Engine) -> None:
    versions = [store.run(settings()).version]
    changes: list[Transaction[Any]] = [set_setting("workers", "2")] * 2 + [unset_setting("workers")]
    for change in changes:
        store.run(change)
        versions.append(store.run(settings()).version)

    assert versions == sorted(set(versions))


@pytest.mark.parametrize(("key", "text"), [("max_retries", "-1"), ("nonsense", "1"), ("durability", "maybe")])
def test_a_bad_setting_is_refused_and_nothing_is_kept(store: Engine, key: str, text: str) -> None:
    before = store.run(settings())

    with pytest.raises(InvalidInput):
        store.run(set_setting(key, text))
    assert store.run(settings()) == before
