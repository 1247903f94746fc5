"""Which store the commands work on that the console starts."""

from __future__ import annotations

import pytest

from queuectl_core.store.home import Home
from queuectl_tui.pools.starting import surroundings

URL = "postgresql://me@host/db"


def test_commands_are_told_of_the_server_by_their_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUECTL_STORE", "postgresql://another/db")

    assert surroundings(Home("/home", URL))["QUEUECTL_STORE"] == URL


def test_commands_on_a_demo_do_not_reach_the_server_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUECTL_STORE", URL)

    assert "QUEUECTL_STORE" not in surroundings(Home("/demo"))
