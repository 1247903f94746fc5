"""`queuectl doctor` where something stands between the hosts and the server: do pools hear of new jobs?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from queuectl_core.store.home import Home
from tests.cli.hosts import Host
from tests.postgres.fixtures import postgres
from tests.postgres.pooler import PROGRAM, pooler_to
from tests.postgres.proxy import Pooler, Proxy, proxy_to
from tests.postgres.server import Databases, with_parameter

__all__ = ["postgres"]

ADVICE = "add listen=HOST:PORT to the URL, past the pooler"


class DeafPooler(Pooler):
    """A pooler of transactions: whoever listens through it hears nothing."""

    def passed(self, data: bytes) -> bytes:
        """The data, with another channel for who wants to listen."""
        return super().passed(data).replace(b'LISTEN "queue', b'LISTEN "quiet')


class Told(NamedTuple):
    """What the doctor says of announcements, and its exit status."""

    status: str
    detail: str
    advice: str
    exit: int


class Place(NamedTuple):
    """A queue on a server that is reached over TCP."""

    url: str
    folder: Path
    here: pytest.CaptureFixture[str]

    def told(self, url: str) -> Told:
        """What the doctor of a host says that has this URL."""
        ran = Host(Home(str(self.folder / "home"), url), self.here)("doctor", "--json")
        [found] = [one for one in json.loads(ran.out) if one["check"] == "announcements"]
        return Told(found["status"], found["detail"], found["advice"], ran.status)

    @property
    def server(self) -> str:
        """HOST:PORT of the server itself."""
        return self.url.rpartition("@")[2].partition("/")[0]


@pytest.fixture
def place(tmp_path: Path, postgres: Databases, capsys: pytest.CaptureFixture[str]) -> Iterator[Place]:
    """An empty queue."""
    with postgres.database() as url:
        found = Place(postgres.over_tcp(url), tmp_path, capsys)
        Host(Home(str(tmp_path / "home"), found.url), capsys).done("init")
        yield found


def with_listen(url: str, listen: str) -> str:
    return with_parameter(url, f"listen={listen}")


def test_a_pooler_of_which_nothing_is_said_in_the_url_is_a_warning(place: Place) -> None:
    with proxy_to(place.url, DeafPooler) as pooler:
        told = place.told(pooler.url(place.url))

    assert (told.status, told.advice, told.exit) == ("warning", ADVICE, 0)
    assert told.detail.startswith("a pooler keeps them from pools")


def test_a_pooler_that_is_passed_by_for_listening_is_none(place: Place) -> None:
    with proxy_to(place.url, DeafPooler) as pooler:
        told = place.told(with_listen(pooler.url(place.url), place.server))

    assert (told.status, told.advice, told.exit) == ("ok", "", 0)


def test_a_place_to_listen_where_nothing_is_heard_is_a_warning(place: Place) -> None:
    with proxy_to(place.url, DeafPooler) as pooler:
        told = place.told(with_listen(pooler.url(place.url), f"127.0.0.1:{pooler.port}"))

    assert (told.status, told.exit) == ("warning", 0)
    assert told.advice == "let listen= name the server itself, past the pooler"


def test_a_pooler_that_lets_announcements_through_is_none(place: Place) -> None:
    with proxy_to(place.url, Pooler) as pooler:
        assert place.told(pooler.url(place.url)).status == "ok"


def test_neither_a_network_nor_the_server_itself_is_warned_of(place: Place) -> None:
    with proxy_to(place.url, Proxy) as network:
        told = place.told(network.url(place.url)), place.told(place.url)

    assert {(one.status, one.detail) for one in told} == {("ok", "pools hear of new jobs from the server itself")}


@pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed")
def test_pgbouncer_with_a_pool_of_transactions_is_a_warning(place: Place) -> None:
    with pooler_to(place.url) as pooled:
        told = place.told(pooled)

    assert (told.status, told.advice) == ("warning", ADVICE)
