"""The stores that tests run on, each made fresh; the contract's is checked once more when its test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from queuectl_core.store.home import Home
from queuectl_core.store.postgres.store import PostgresStore, make_store
from queuectl_core.store.sqlite import wal
from queuectl_core.store.sqlite.store import SqliteStore
from queuectl_core.store.transactions.statistics import miscounted
from tests.postgres.fixtures import own_postgres, postgres
from tests.postgres.server import Databases
from tests.store.engines import ENGINES, Engine, Opener, emptied, opener

__all__ = ["own_postgres", "postgres"]


@pytest.fixture(scope="session")
def made_on_server(postgres: Databases) -> Iterator[str]:
    """The URL of a store that was made on a server, for one test after the other to empty."""
    with postgres.database() as url:
        make_store(Home("", url))
        yield url


@pytest.fixture
def opened_in(request: pytest.FixtureRequest) -> Callable[[str], Opener]:
    """Gives what opens an empty store of that name in a folder."""
    return lambda name: opener(name, lambda: str(request.getfixturevalue("made_on_server")))


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, opened_in: Callable[[str], Opener], tmp_path: Path) -> Iterator[Engine]:
    """Each store in turn. Whatever a test did to it, its counts are those of its jobs."""
    with opened_in(request.param)(tmp_path / "home") as engine:
        yield engine
        assert engine.run(miscounted()) == {}


@pytest.fixture(scope="module", params=ENGINES)
def kept_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Each store in turn, for all tests of a module that look at what one fixture has put there, and change nothing.

    No other test of the module may ask for `store`: on a server it is the same one, emptied.
    """
    open_in = opener(request.param, lambda: str(request.getfixturevalue("made_on_server")))
    with open_in(tmp_path_factory.mktemp("kept") / "home") as engine:
        yield engine
        assert engine.run(miscounted()) == {}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home that is not made yet."""
    return Home(str(tmp_path / "home"))


@pytest.fixture
def sqlite_store(home: Home) -> Iterator[SqliteStore]:
    """The blocking SQLite store, for what is true of SQLite alone."""
    with SqliteStore(home) as opened:
        yield opened


@pytest.fixture
def url(made_on_server: str) -> str:
    """The URL of an empty store on a server."""
    return emptied(made_on_server)


@pytest.fixture
def queue(url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    """The blocking PostgreSQL store, for what is true of PostgreSQL alone."""
    with PostgresStore(Home(str(tmp_path / "home"), url)) as opened:
        yield opened


@pytest.fixture
def unminded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No store looks at its log."""
    monkeypatch.setattr(wal, "COMMITS_A_LOOK", 10**9)
