"""Fixtures of the tests of the log view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.console.log.host import HEIGHT, WIDTH, Host


@pytest.fixture
async def pilot() -> AsyncIterator[Pilot[None]]:
    """Somebody at a log view that shows nothing yet."""
    async with Host().run_test(size=(WIDTH, HEIGHT)) as pilot:
        yield pilot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a log may be."""
    return tmp_path / "1.1.log"
