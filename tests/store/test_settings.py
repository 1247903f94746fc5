"""Settings as the store keeps them: as text, under a version that grows."""

from __future__ import annotations

from typing import Any

import pytest

from queuectl_core.model.errors import InvalidInput, Refused
from queuectl_core.store.statements import Transaction
from queuectl_core.store.transactions.settings import (
    change_setting,
    set_setting,
    settings,
    undo_setting,
    unset_setting,
)
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


@pytest.mark.parametrize("before", [None, "5"])
@pytest.mark.parametrize("after", [None, "6"])
def test_a_change_is_taken_back_to_what_was_there(store: Engine, before: str | None, after: str | None) -> None:
    store.run(change_setting("max_retries", before))
    change = store.run(change_setting("max-retries", after))
    assert (change.key, change.before, change.after) == ("max_retries", before, after)
    assert store.run(settings()).texts.get("max_retries") == after

    store.run(undo_setting(change))

    assert store.run(settings()).texts.get("max_retries") == before


def test_a_change_that_was_changed_again_is_not_taken_back(store: Engine) -> None:
    change = store.run(change_setting("max_retries", "5"))
    store.run(set_setting("max_retries", "6"))

    with pytest.raises(Refused, match="stays 6"):
        store.run(undo_setting(change))
    assert store.run(settings()).texts == {"max_retries": "6"}
