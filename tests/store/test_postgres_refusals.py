"""A server that lets a role in only later, or not at all: what is waited for, and what is said."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from queuectl_core.model.errors import StoreError
from queuectl_core.store.home import Home
from queuectl_core.store.postgres import faults
from queuectl_core.store.postgres import store as postgres_store
from queuectl_core.store.postgres.store import PostgresStore, make_store
from tests.postgres.server import Databases, with_parameter


class Guest(NamedTuple):
    """A role that may look at the store of a database, and no more: the names of both, and its home."""

    name: str
    database: str
    home: Home


@pytest.fixture
def ruler(postgres: Databases, tmp_path: Path) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """An administrator's session in a database with a store."""
    with postgres.database() as url:
        make_store(Home(str(tmp_path / "made"), url))
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


@pytest.fixture
def guest(ruler: psycopg.Connection[tuple[object, ...]], postgres: Databases, tmp_path: Path) -> Iterator[Guest]:
    name, password = f"guest_{uuid.uuid4().hex[:8]}", secrets.token_hex(8)
    made = Guest(
        name, ruler.info.dbname, Home(str(tmp_path / "home"), _url(postgres, name, password, ruler.info.dbname))
    )
    _execute(ruler, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'; GRANT USAGE ON SCHEMA queuectl TO {name}")
    try:
        yield made
    finally:
        _execute(ruler, f"DROP OWNED BY {name}; DROP ROLE {name}")


def _url(postgres: Databases, name: str, password: str, database: str) -> str:
    parts = urlsplit(postgres.url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{name}:{password}@{place}", path=f"/{database}"))


def _execute(ruler: psycopg.Connection[tuple[object, ...]], statements: str) -> None:
    ruler.execute(statements.encode())


@pytest.mark.parametrize("limited", ["ROLE {0.name}", "DATABASE {0.database}"], ids=["role", "database"])
def test_whoever_has_a_limit_of_connections_waits_until_one_is_free(
    ruler: psycopg.Connection[tuple[object, ...]], guest: Guest, monkeypatch: pytest.MonkeyPatch, limited: str
) -> None:
    _execute(ruler, f"ALTER {limited.format(guest)} CONNECTION LIMIT 0")
    refusals: list[str] = []

    def and_then_there_is_room(error: psycopg.Error) -> bool:
        refusals.append(str(error))
        _execute(ruler, f"ALTER {limited.format(guest)} CONNECTION LIMIT -1")
        return faults.may_come_back(error)

    monkeypatch.setattr(postgres_store, "may_come_back", and_then_there_is_room)

    with PostgresStore(guest.home) as store:
        assert store.clock() > 0
    assert ["too many connections" in refusal for refusal in refusals] == [True]


def refusal(home: Home) -> str:
    """The one line that is said of a store that cannot be opened."""
    with pytest.raises(StoreError) as refused:
        PostgresStore(home)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_who_is_refused_is_told_what_and_not_its_detail_alone(
    ruler: psycopg.Connection[tuple[object, ...]], guest: Guest
) -> None:
    _execute(ruler, f"REVOKE CONNECT ON DATABASE {guest.database} FROM PUBLIC")

    assert f'FATAL:  permission denied for database "{guest.database}": check the URL' in refusal(guest.home)


def test_nor_is_a_hint_all_that_is_told(guest: Guest) -> None:
    asked = guest.home._replace(url=with_parameter(str(guest.home.url), "options=-c%20work_mem%3D3x"))

    assert 'FATAL:  invalid value for parameter "work_mem": "3x": check the URL' in refusal(asked)
