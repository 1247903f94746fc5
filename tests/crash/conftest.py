"""A queue for each test that may be attacked; none of its processes outlives the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.storm import Storm


@pytest.fixture
def storm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storm]:
    """A queue in a home of its own, to be attacked."""
    for name in ("QUEUECTL_HOME", "QUEUECTL_STORE", "QUEUECTL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    storm = Storm(tmp_path)
    yield storm
    storm.close()
