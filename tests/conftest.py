"""How the whole run works: where its files are, how it minds garbage, and that no test has to be quick."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres.binaries import MEMORY, place

# The files of most tests need no disk, which they would otherwise wait for. What is flushed is counted where it
# matters, never timed.
if place() == MEMORY:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", MEMORY)

# A test that waits for a processor is not slow: six run at once.
settings.register_profile("among others", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("among others")


def pytest_collection_finish() -> None:
    """What has been imported and collected stays to the end: it is looked at for garbage once, not a thousand times."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A test's own folder; on a disk for those that kill what writes there, since a kill has to find it at that."""
    if Path(MEMORY) not in tmp_path.parents or request.node.get_closest_marker("crash") is None:
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix=f"{tmp_path.name}-"))
    before = request.session.testsfailed
    yield folder
    if request.session.testsfailed == before:  # else somebody will want to look at it
        shutil.rmtree(folder)
