"""A queue for each test that may be attacked; none of its processes outlives the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.storm import Storm
from tests.postgres.fixtures import own_postgres, postgres

__all__ = ["own_postgres", "postgres"]


@pytest.fixture
def storm(tmp_path: Path, alone: None) -> Iterator[Storm]:
    """A queue in a home of its own, to be attacked."""
    storm = Storm(tmp_path)
    yield storm
    storm.close()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the surroundings names a queue."""
    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE", "QUEUECTL_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def no_shared_times() -> Iterator[None]:
    """Removes what libfaketime leaves in memory of each process that ended without its leave."""
    yield
    for kind in ("faketime_shm_*", "sem.faketime_sem_*"):
        for path in Path("/dev/shm").glob(kind):
            if not Path("/proc", path.name.rpartition("_")[2]).exists():
                path.unlink(missing_ok=True)
