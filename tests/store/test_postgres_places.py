"""Where a URL names several places: in haste one is tried at a time, so that none is waited for too long."""

from __future__ import annotations

import socket
import time
from typing import Any

import psycopg
import pytest

from queuectl_core.store.postgres.connecting import Bounded, Places

THREE = "postgresql://me@one:1,two,three:3/work"


NAMES = {"one": ["10.0.0.1"], "two": ["10.0.0.2"], "three": ["10.0.0.3"], "many": ["10.0.1.1", "10.0.1.2", "10.0.1.3"]}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses of names, which a test may change."""
    known = {name: list(addresses) for name, addresses in NAMES.items()}

    def look_up(name: str, *_: object, **__: object) -> list[Any]:
        if name not in known:
            raise socket.gaierror("Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in known[name]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The places, host and port, that connections were asked for; none of them answers."""
    places: list[tuple[str, str]] = []

    def connect(conninfo: str, **told: Any) -> Bounded:
        given = psycopg.conninfo.conninfo_to_dict(conninfo, **told)
        places.append((str(given.get("hostaddr", given.get("host"))), str(given.get("port"))))
        raise psycopg.OperationalError("no answer")

    monkeypatch.setattr(Bounded, "connect", connect)
    return places


def connect(places: Places, deadline: float | None) -> None:
    """Try to, in vain."""
    with pytest.raises(psycopg.OperationalError):
        places.connect({}, deadline)


def test_without_haste_all_are_left_to_the_library(tried: list[tuple[str, str]]) -> None:
    connect(Places(THREE), None)
    assert tried == [("one,two,three", "1,,3")]


def test_in_haste_each_is_tried_alone_while_there_is_time(tried: list[tuple[str, str]]) -> None:
    connect(Places(THREE), time.monotonic() + 60)
    assert tried == [("one", "1"), ("two", ""), ("three", "3")]


def test_once_the_time_is_over_none_is_begun_with_and_the_next_call_goes_on_there(
    tried: list[tuple[str, str]],
) -> None:
    places = Places(THREE)
    for _ in range(4):
        connect(places, time.monotonic() - 1)
    assert [host for host, _ in tried] == ["one", "two", "three", "one"]


@pytest.mark.parametrize("url", ["postgresql://me@one/work", "postgresql:///work", "postgresql://me@one:1/work"])
def test_one_place_is_tried_once(tried: list[tuple[str, str]], url: str) -> None:
    connect(Places(url), time.monotonic() + 60)
    assert len(tried) == 1


def test_hosts_with_one_port_have_it_all(tried: list[tuple[str, str]]) -> None:
    connect(Places("postgresql://me@/work?host=one,two&port=7"), time.monotonic() + 60)
    assert tried == [("one", "7"), ("two", "7")]


def test_in_haste_each_address_of_a_name_is_tried_alone(tried: list[tuple[str, str]]) -> None:
    connect(Places("postgresql://me@one,many:1/work"), time.monotonic() + 60)
    assert tried == [("one", ""), *((address, "1") for address in NAMES["many"])]


def test_once_all_were_tried_names_are_looked_up_anew(
    tried: list[tuple[str, str]], names: dict[str, list[str]]
) -> None:
    places = Places("postgresql://me@many/work")
    connect(places, time.monotonic() + 60)
    names["many"] = ["10.0.2.1", "10.0.2.2"]
    connect(places, time.monotonic() + 60)
    assert [host for host, _ in tried] == [*NAMES["many"], *names["many"]]


def test_a_name_that_nobody_knows_is_left_to_the_library(tried: list[tuple[str, str]]) -> None:
    connect(Places("postgresql://me@nowhere/work"), time.monotonic() + 60)
    assert [host for host, _ in tried] == ["nowhere"]
