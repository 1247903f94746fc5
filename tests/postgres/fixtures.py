"""The fixtures that lend a PostgreSQL to tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.postgres.server import Databases, Server, running_server, shared_server

GIVEN = "QUEUECTL_TEST_POSTGRES"
"""The environment variable with the URL of a server to test on; its user must be allowed to make databases."""


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """A server that the whole run shares: take a `database()` of it, and do nothing to the server itself."""
    if given := os.environ.get(GIVEN):
        yield Databases(given)
        return
    folder = tmp_path_factory.getbasetemp()
    is_worker = hasattr(request.config, "workerinput")  # of pytest-xdist: beside its folder are those of the others
    with shared_server(folder.parent if is_worker else folder) as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server of the test's own, to be stopped, killed and frozen."""
    if os.environ.get(GIVEN):
        pytest.skip(f"does things to a server that are not done to the one of {GIVEN}")
    with running_server() as server:
        yield server
